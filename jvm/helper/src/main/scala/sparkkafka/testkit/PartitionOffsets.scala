package sparkkafka.testkit

/** Where a partition stands.
  *
  * @param end
  *   the high watermark: the offset after the last one that consumers may see
  * @param stable
  *   the last stable offset: where the oldest open transaction begins, or `end` without one
  */
private[testkit] final case class PartitionOffsets(beginning: Long, end: Long, stable: Long)

private[testkit] object PartitionOffsets {

  /** What a broker answers. Asked for last, the stable offset may have moved past the end; and it
    * stays where it is when the records above it are deleted.
    */
  def of(beginning: Long, end: Long, stable: Long): PartitionOffsets =
    PartitionOffsets(beginning, end, stable.min(end).max(beginning))
}
