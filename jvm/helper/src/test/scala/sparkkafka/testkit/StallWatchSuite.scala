package sparkkafka.testkit

import munit.FunSuite

class StallWatchSuite extends FunSuite {
  private var now = Long.MaxValue - 1000000L // nanoTime may overflow during the test

  private def pass(millis: Long): Unit = now += millis * 1000000L

  private def watch(limitMillis: Long): StallWatch = new StallWatch(limitMillis, () => now)

  test("it is over when nothing has moved for the whole time, and not before") {
    val stall = watch(limitMillis = 3000)
    pass(2999)
    assert(!stall.isOver)
    pass(1)
    assert(stall.isOver)
  }

  test("what moves begins the time anew") {
    val stall = watch(limitMillis = 3000)
    pass(2999)
    stall.reset()
    pass(2999)
    assert(!stall.isOver)
  }

  test("it is time to look once a second") {
    val stall = watch(limitMillis = 60000)
    assert(!stall.isTimeToLook)
    pass(999)
    assert(!stall.isTimeToLook)
    pass(1)
    assert(stall.isTimeToLook)
    assert(!stall.isTimeToLook, "it has been looked")
    pass(1000)
    assert(stall.isTimeToLook)
  }

  test("what moves puts off the next look") {
    val stall = watch(limitMillis = 60000)
    pass(999)
    stall.reset()
    pass(999)
    assert(!stall.isTimeToLook)
  }

  test("it is time to look when the time is over, however short it is") {
    val stall = watch(limitMillis = 200)
    pass(200)
    assert(stall.isTimeToLook)
    assert(stall.isTimeToLook)
  }

  test("the rest grows with the stall, up to a bound") {
    val stall = watch(limitMillis = 60000)
    val rests = (0 to 100).map { _ =>
      pass(10)
      stall.restMillis
    }
    assertEquals(rests, rests.sorted)
    assert(rests.head < rests.last)
    pass(30000)
    assertEquals(stall.restMillis, rests.last)
    stall.reset()
    assertEquals(stall.restMillis, 0L)
  }

  test("without a limit it is never over") {
    val stall = watch(Long.MaxValue)
    pass(86400000)
    assert(!stall.isOver)
  }
}
