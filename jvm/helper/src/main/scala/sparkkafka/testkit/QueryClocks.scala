package sparkkafka.testkit

import java.io.IOException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong

import scala.annotation.tailrec

import org.apache.spark.sql.streaming.StreamingQueryManager

/** The queries that run by a test's clock, by handle. It is separate from [[PythonApi]], which a
  * JVM without Spark loads too.
  */
private[testkit] object QueryClocks {
  private val lookMillis = 100L
  private final case class Clocked(
      queries: StreamingQueryManager,
      start: ClockedStart,
      clock: TestClock
  )

  private val clocks = new ConcurrentHashMap[Long, Clocked]
  private val lastHandle = new AtomicLong

  /** Prepares a clock for the next query that starts with this checkpoint. */
  def open(queries: AnyRef, checkpoint: String, time: Long, interval: Long): Long = {
    val manager = queries.asInstanceOf[StreamingQueryManager]
    val clock = new TestClock(time, interval)
    val start = new ClockedStart(manager, checkpoint, clock)
    val handle = lastHandle.incrementAndGet()
    clocks.put(handle, Clocked(manager, start, clock))
    manager.addListener(start)
    handle
  }

  /** Stops looking for starts. */
  def started(handle: Long): Unit =
    Option(clocks.get(handle)).foreach(it => it.queries.removeListener(it.start))

  def close(handle: Long): Unit = {
    started(handle)
    val _ = clocks.remove(handle)
  }

  /** Python sends a frame `{"to": when, "millis": how long to wait}`. It gets one when the query
    * has done what was due by then and waits at its clock, when it has ended, or when the time to
    * wait is up. In the last case, whatever is still due does not begin.
    */
  def pass(handle: Long, connection: Connection): Unit = {
    val request = connection.receive()
    val it = Option(clocks.get(handle)).getOrElse(
      throw Failure.internal(s"it was asked for clock $handle, which was never opened.")
    )
    val query = it.start.query
    it.clock.pass(request.get("to").asLong)
    val deadline = System.nanoTime + request.get("millis").asLong * 1000000
    @tailrec def await(): Map[String, Any] = {
      val hasEnded = query.hasEnded
      val isAtRest = !hasEnded && it.clock.awaitRest(lookMillis)
      val isOver = !isAtRest && !hasEnded && System.nanoTime > deadline
      if (isOver) it.clock.halt()
      if (isAtRest || hasEnded || isOver)
        Map(
          "time" -> it.clock.time,
          "next" -> it.clock.nextTrigger,
          "is_at_rest" -> isAtRest,
          "has_ended" -> hasEnded,
          "batches" -> query.takeBatches()
        )
      else {
        connection.checkOpen()
        await()
      }
    }
    connection.sendResult(
      try await()
      catch {
        case gone: IOException => // nobody waits for what is still due
          it.clock.halt()
          throw gone
      }
    )
  }
}
