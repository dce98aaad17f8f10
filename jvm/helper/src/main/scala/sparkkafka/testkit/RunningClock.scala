package sparkkafka.testkit

/** The time for which this JVM has run. It stands still while the JVM is suspended, for example on
  * a laptop that sleeps, because no broker was silent for that long.
  */
private[testkit] object RunningClock {
  private val tickMillis = 100L
  private val longestTickNanos = 1000000000L

  /** @param at
    *   the time of the system's clock
    */
  private[testkit] final case class Tick(at: Long, nanos: Long) {
    def next(now: Long): Tick = Tick(now, nanos + (now - at).min(longestTickNanos))
  }

  @volatile private var last = Tick(System.nanoTime, 0)

  private val ticker = new Thread(() => tick(), "spark-kafka-testkit-clock")
  ticker.setDaemon(true)
  ticker.start()

  /** Nanoseconds from any origin. */
  def nanos: Long = last.next(System.nanoTime).nanos

  private def tick(): Unit = while (true) {
    Thread.sleep(tickMillis)
    last = last.next(System.nanoTime)
  }
}
