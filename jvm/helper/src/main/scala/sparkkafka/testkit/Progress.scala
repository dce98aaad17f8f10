package sparkkafka.testkit

/** The part of a partition that a read wants, [start, target), as calculated in Python.
  *
  * @param truncated
  *   how many offsets before `start` were asked for too, whose records had been deleted
  */
private[testkit] final case class Range(start: Long, target: Long, truncated: Long)

/** How far the read of one partition has come in its range. This is the twin of `Progress` in
  * `offsets.py`.
  */
private[testkit] final class Progress(wanted: Range) {
  private val beginning: Long = wanted.start - wanted.truncated
  private var at: Long = wanted.start
  private var truncated: Long = wanted.truncated
  private var records: Long = 0
  private var lastOffset: Long = -1

  def target: Long = wanted.target
  def position: Long = at
  def isDone: Boolean = at >= target

  /** Counts a record, or returns false for one past the target, which is outside the range. */
  def accept(offset: Long): Boolean = {
    val wanted = offset < target
    if (wanted) {
      records += 1
      lastOffset = offset
    }
    wanted
  }

  /** Notes the consumer's position, and returns whether it has moved. */
  def moveTo(position: Long): Boolean = {
    val moved = position > at
    if (moved) at = position
    moved
  }

  /** Notes that the records before this offset were deleted. */
  def skipTo(newBeginning: Long): Unit = {
    truncated += newBeginning.min(target) - at
    at = newBeginning
  }

  /** What the read covered: see `Coverage` in `offsets.py`. */
  def toData: Map[String, Any] = Map(
    "beginning" -> beginning,
    "target" -> target,
    "count" -> records,
    "last" -> Some(lastOffset).filter(_ >= 0),
    "invisible" -> ((target - beginning).max(0) - records - truncated),
    "truncated" -> truncated
  )
}
