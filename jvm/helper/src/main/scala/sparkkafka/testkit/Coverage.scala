package sparkkafka.testkit

/** How far the read of one partition has come in the range it captured. */
private[testkit] final class Coverage(val beginning: Long, val target: Long) {
  private var at: Long = beginning
  private var records: Long = 0
  private var lastOffset: Long = -1

  def position: Long = at
  def isDone: Boolean = at >= target

  /** Counts a record in; false for one past the target, which the range does not hold. */
  def accept(offset: Long): Boolean = {
    val wanted = offset < target
    if (wanted) {
      records += 1
      lastOffset = offset
    }
    wanted
  }

  /** Notes the consumer's position; true where it has moved. */
  def moveTo(position: Long): Boolean = {
    val moved = position > at
    if (moved) at = position
    moved
  }

  /** `invisible` counts the offsets of the range without a record: transaction markers, aborted
    * records, what compaction removed.
    */
  def toData: Map[String, Any] = Map(
    "beginning" -> beginning,
    "target" -> target,
    "count" -> records,
    "last" -> Some(lastOffset).filter(_ >= 0),
    "invisible" -> ((target - beginning).max(0) - records)
  )
}
