package sparkkafka.testkit

/** The offsets of a partition.
  *
  * @param end
  *   the high watermark: the offset after the last one that consumers may see
  * @param stable
  *   the last stable offset: where the oldest open transaction begins, or `end` without one
  */
private[testkit] final case class PartitionOffsets(beginning: Long, end: Long, stable: Long)

private[testkit] object PartitionOffsets {

  /** The offsets in a broker's answers. The stable offset is asked for last, so it may have moved
    * past the end. It also stays where it is when the records above it are deleted.
    */
  def of(beginning: Long, end: Long, stable: Long): PartitionOffsets =
    PartitionOffsets(beginning, end, stable.min(end).max(beginning))
}
