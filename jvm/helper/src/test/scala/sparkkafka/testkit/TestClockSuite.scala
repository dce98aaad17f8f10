package sparkkafka.testkit

import java.util.concurrent.ConcurrentLinkedQueue

import munit.FunSuite
import sparkkafka.testkit.Converters._

class TestClockSuite extends FunSuite {
  private val interval = 60L
  private val longMillis = 60000L

  /** A query, run the way Spark's ProcessingTimeExecutor does. */
  private final class Query(clock: TestClock, batch: Long => Unit = _ => ())
      extends TestClock.Owner {
    private val seen = new ConcurrentLinkedQueue[Long]
    private val waits = new ConcurrentLinkedQueue[String]
    private val thread = new Thread(() => run())
    clock.hold(this)
    thread.setDaemon(true)
    thread.start()

    def triggers: List[Long] = seen.asScala.toList
    def calls: List[String] = waits.asScala.toList
    override def beforeFirst(): Unit = { val _ = waits.add("before first") }
    override def afterTrigger(): Unit = { val _ = waits.add("after") }

    def stop(): Unit = {
      thread.interrupt()
      thread.join(longMillis)
      assert(!thread.isAlive)
    }

    private def run(): Unit =
      try
        while (true) {
          val now = clock.getTimeMillis()
          seen.add(now)
          batch(now)
          clock.waitTillTime(now / interval * interval + interval)
        }
      catch { case _: InterruptedException => () }
  }

  private def rest(clock: TestClock): Unit = {
    val deadline = System.nanoTime + longMillis * 1000000
    while (!clock.awaitRest(longMillis)) assert(System.nanoTime < deadline)
  }

  test("the first trigger waits for its time") {
    val clock = new TestClock(100, interval)
    val query = new Query(clock)
    rest(clock)
    assertEquals(query.triggers, Nil)
    assertEquals(clock.nextTrigger, Some(120L))
    clock.pass(119)
    rest(clock)
    assertEquals((query.triggers, clock.time), (Nil, 119L))
    clock.pass(120)
    rest(clock)
    assertEquals((query.triggers, clock.time), (List(120L), 120L))
    assertEquals(query.calls, List("before first", "after", "after"))
    query.stop()
  }

  test("all triggers that are due run at their own time, and time goes on to the end") {
    val clock = new TestClock(0, interval)
    val query = new Query(clock)
    clock.pass(250)
    rest(clock)
    assertEquals((query.triggers, clock.time), (List(60L, 120L, 180L, 240L), 250L))
    assertEquals(clock.nextTrigger, Some(300L))
    query.stop()
  }

  test("a start at the time of a trigger waits for the next") {
    val clock = new TestClock(120, interval)
    val query = new Query(clock)
    rest(clock)
    assertEquals(clock.nextTrigger, Some(180L))
    query.stop()
  }

  test("the time before the epoch has triggers too") {
    val clock = new TestClock(-100, interval)
    val query = new Query(clock)
    rest(clock)
    assertEquals(clock.nextTrigger, Some(-60L))
    query.stop()
  }

  test("no time passes in a trigger, and a query in one is not at rest") {
    val clock = new TestClock(0, interval)
    val seen = new ConcurrentLinkedQueue[Long]
    val query = new Query(
      clock,
      now => {
        assert(!clock.awaitRest(1))
        clock.pass(now) // in the past
        val _ = seen.add(clock.getTimeMillis() - now)
      }
    )
    clock.pass(130)
    rest(clock)
    assertEquals(seen.asScala.toList, List(0L, 0L))
    query.stop()
  }

  test("no trigger begins after a halt, until more time passes") {
    val clock = new TestClock(0, interval)
    val query = new Query(clock, now => if (now == 120) clock.halt())
    clock.pass(600)
    rest(clock)
    assertEquals((query.triggers, clock.time), (List(60L, 120L), 120L))
    clock.pass(180)
    rest(clock)
    assertEquals(query.triggers, List(60L, 120L, 180L))
    query.stop()
  }

  test("nothing is at rest that has no query") {
    assert(!new TestClock(0, interval).awaitRest(1))
  }
}
