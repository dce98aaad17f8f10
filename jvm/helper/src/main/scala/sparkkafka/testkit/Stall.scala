package sparkkafka.testkit

/** The time for which nothing has moved, and when to look for the reason next. */
private[testkit] final class Stall(limitMillis: Long) {
  private val lookMillis = 1000L
  private var since = System.nanoTime
  private var looked = since

  def reset(): Unit = {
    since = System.nanoTime
    looked = since
  }

  def isOver: Boolean = millisSince(since) >= limitMillis

  /** True at most once a second, and when the time is over. */
  def isTimeToLook: Boolean = {
    val isTime = isOver || millisSince(looked) >= lookMillis
    if (isTime) looked = System.nanoTime
    isTime
  }

  private def millisSince(moment: Long): Long = (System.nanoTime - moment) / 1000000L
}
