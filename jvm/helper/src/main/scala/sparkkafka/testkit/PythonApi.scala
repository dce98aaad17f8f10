package sparkkafka.testkit

import java.util
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong

import sparkkafka.testkit.Converters._

/** All that Python calls. Every method returns at once: what takes time goes on in a thread of its
  * own and over a channel, whose address (`port secret`) a method returns, so that Python can give
  * up waiting whenever it wants to. Python says from which port it will call there.
  */
final class PythonApi {
  import PythonApi.opened

  private val clusters = new ConcurrentHashMap[Long, Cluster]
  private val lastHandle = new AtomicLong

  /** The kit's version this jar was built as; Python compares it with its own before anything else.
    */
  def pyVersion(): String = BuildInfo.version

  /** Over the channel: Python sends a frame with the settings of Kafka's clients, and gets one with
    * a handle for the cluster; nothing is connected yet. Settings hold secrets, and py4j logs what
    * it is called with.
    */
  def pyOpen(caller: Int): String = open("open", caller) { connection =>
    val settings = connection.receive().fields.asScala
    val handle = lastHandle.incrementAndGet()
    val cluster = new Cluster(settings.map(it => it.getKey -> it.getValue.asText).toMap)
    clusters.put(handle, cluster)
    opened.add(cluster)
    connection.sendResult(handle)
  }

  /** Closes the handle's clients. A handle that is not open is no error. */
  def pyClose(handle: Long): Unit = Option(clusters.remove(handle)).foreach(close)

  private def close(cluster: Cluster): Unit = {
    opened.remove(cluster)
    cluster.close()
  }

  /** Over the channel go operations on the cluster, see [[Operations]], until Python closes it. A
    * handle that is not open is told there too, as every failure is.
    */
  def pyServe(handle: Long, caller: Int): String = {
    val cluster = Option(clusters.get(handle))
    open("operations", caller) { connection =>
      def notOpen = Failure.internal(
        s"it was asked to serve cluster $handle, which has been closed or was never opened."
      )
      new Operations(cluster.getOrElse(throw notOpen), connection).run()
    }
  }

  /** A handle for a clock: the query that starts next with this checkpoint goes by it.
    *
    * @param queries
    *   the session's StreamingQueryManager
    * @param time
    *   what the clock says then, in milliseconds since the epoch
    * @param interval
    *   of the query's trigger, in milliseconds
    */
  def pyOpenClock(queries: AnyRef, checkpoint: String, time: Long, interval: Long): Long =
    QueryClocks.open(queries, checkpoint, time, interval)

  /** The query has started, or could not: no other gets the clock. */
  def pyClockStarted(handle: Long): Unit = QueryClocks.started(handle)

  /** Over the channel: see [[QueryClocks.pass]]. */
  def pyPass(handle: Long, caller: Int): String =
    open("clock", caller)(QueryClocks.pass(handle, _))

  def pyCloseClock(handle: Long): Unit = QueryClocks.close(handle)

  private def open(name: String, caller: Int)(serve: Connection => Unit): String = {
    val address = LoopbackChannel.open(name, caller)(serve)
    s"${address.port} ${address.secret}"
  }

  /** See [[StatefulInputs]]; for the JVM of a session. */
  def pyStatefulInputs(plan: AnyRef, sources: util.List[AnyRef], once: Boolean): util.List[_] =
    StatefulInputs.of(plan, sources, once)

  /** See [[WatchedWrites.watch]]; for the JVM of a session. */
  def pyWatchWrites(session: AnyRef, query: String, failing: Int): Unit =
    WatchedWrites.watch(session, query, failing)

  /** See [[WatchedWrites.unwatch]]. */
  def pyUnwatchWrites(query: String): Array[Int] = WatchedWrites.unwatch(query)

  /** Notes how the JVM is, for [[pyTidy]]. */
  def pyRemember(): Unit = KeptJvm.remember()

  /** Puts a JVM that stays back to how it was, when the Python that used it has gone: also clusters
    * are closed that it left open.
    */
  def pyTidy(): Unit = {
    opened.forEach(close(_))
    KeptJvm.tidy()
  }

  /** See [[KeptJvm.interrupt]]. */
  def pyInterrupt(threads: String, millis: Long): Int = KeptJvm.interrupt(threads, millis)

  /** See [[KeptJvm.fullness]]. */
  def pyFullness(): Double = KeptJvm.fullness()
}

object PythonApi {
  private val opened = ConcurrentHashMap.newKeySet[Cluster]
}
