package sparkkafka.testkit

/** Where a partition stands.
  *
  * @param end
  *   the high watermark: the offset after the last one that consumers may see
  * @param stable
  *   the last stable offset: where the oldest open transaction begins, or `end` without one
  */
private[testkit] final case class PartitionOffsets(beginning: Long, end: Long, stable: Long)
