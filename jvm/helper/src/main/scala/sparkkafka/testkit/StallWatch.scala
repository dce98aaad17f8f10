package sparkkafka.testkit

/** The time for which nothing has moved, and when to look for the reason next.
  *
  * @param clock
  *   nanoseconds from any origin
  */
private[testkit] final class StallWatch(
    limitMillis: Long,
    clock: () => Long = () => RunningClock.nanos
) {
  private val lookMillis = 1000L
  private val longestRestMillis = 50L
  private var since = clock()
  private var looked = since

  def reset(): Unit = {
    since = clock()
    looked = since
  }

  def isOver: Boolean = millisSince(since) >= limitMillis

  /** True at most once a second, and when the time is up. */
  def isTimeToLook: Boolean = {
    val isTime = isOver || millisSince(looked) >= lookMillis
    if (isTime) looked = clock()
    isTime
  }

  /** How long to rest before the next look at the broker, which answers at once. The rest grows
    * with the time for which nothing has moved.
    */
  def restMillis: Long = (millisSince(since) / 8).min(longestRestMillis)

  private def millisSince(moment: Long): Long = (clock() - moment) / 1000000L
}
