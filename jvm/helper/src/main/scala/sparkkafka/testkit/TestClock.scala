package sparkkafka.testkit

import java.util.concurrent.TimeUnit.MILLISECONDS

import org.apache.spark.sparkkafka.OpenClock

/** The clock of one query, which moves on when a test lets it. The query waits for the time of its
  * next trigger ([[waitTillTime]]). A test lets time pass up to some moment ([[pass]]), and finds
  * out with [[awaitRest]] when the query has done everything that was due by then. Each trigger
  * begins exactly at its time, however far the test goes at once, and sees no other time until it
  * ends.
  *
  * All times are milliseconds since the epoch.
  *
  * @param interval
  *   the interval of the query's trigger
  */
private[testkit] final class TestClock(start: Long, interval: Long) extends OpenClock {
  private var now = start
  private var limit = start
  private var next: Option[Long] = None // the time that the query waits for
  private var owner: Option[TestClock.Owner] = None
  private var isHeld = false

  /** Attaches the query that runs by this clock. Its next look at the clock belongs to the first
    * trigger. Spark would run that at once, but here it waits for its time like all others.
    */
  def hold(query: TestClock.Owner): Unit = synchronized {
    owner = Some(query)
    isHeld = true
  }

  override def getTimeMillis(): Long = {
    takeHeld().foreach { query =>
      query.beforeFirst()
      waitTillTime((Math.floorDiv(time, interval) + 1) * interval)
    }
    time
  }

  override def nanoTime(): Long = MILLISECONDS.toNanos(getTimeMillis())

  override def waitTillTime(target: Long): Long = {
    synchronized(owner).foreach(_.afterTrigger())
    synchronized {
      next = Some(target)
      arrive()
      while (limit < target) wait()
      next = None
      now = now.max(target)
      now
    }
  }

  /** Lets time pass up to a moment. A moment in the past changes nothing. */
  def pass(to: Long): Unit = synchronized {
    limit = limit.max(to)
    arrive()
  }

  /** Lets no more triggers begin. */
  def halt(): Unit = synchronized {
    limit = now
  }

  /** Waits until the query has done what is due and waits for more time, for up to this many
    * milliseconds. Returns whether it does.
    */
  def awaitRest(millis: Long): Boolean = synchronized {
    if (!isAtRest) wait(millis)
    isAtRest
  }

  def time: Long = synchronized(now)

  /** When the next trigger is due, if the query waits for it. */
  def nextTrigger: Option[Long] = synchronized(next)

  private def isAtRest = next.exists(_ > limit)

  private def arrive(): Unit = {
    if (isAtRest) now = now.max(limit) // no trigger is due in between
    notifyAll()
  }

  private def takeHeld(): Option[TestClock.Owner] = synchronized {
    val query = if (isHeld) owner else None
    isHeld = false
    query
  }
}

private[testkit] object TestClock {

  /** The query that runs by a clock. It is called on the query's own thread. */
  trait Owner {

    /** Called before the query waits for its first trigger. */
    def beforeFirst(): Unit

    /** Called before the query waits for any trigger. */
    def afterTrigger(): Unit
  }
}
