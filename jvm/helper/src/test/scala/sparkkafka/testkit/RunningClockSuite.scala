package sparkkafka.testkit

class RunningClockSuite extends munit.FunSuite {
  private val second = 1000000000L

  test("It goes as the system's clock does, in short ticks") {
    val tick = RunningClock.Tick(at = 5 * second, nanos = 3 * second)
    assertEquals(tick.next(5 * second + 100).nanos, 3 * second + 100)
  }

  test("It stands still while nobody ticks: a suspended JVM has lost no time") {
    val tick = RunningClock.Tick(at = 5 * second, nanos = 3 * second)
    assertEquals(tick.next(25 * second), RunningClock.Tick(25 * second, 4 * second))
  }

  test("It goes on by itself") {
    val begun = RunningClock.nanos
    while (RunningClock.nanos - begun < 2 * second) Thread.sleep(10) // munit ends a test that hangs
  }
}
