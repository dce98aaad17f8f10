package sparkkafka.testkit

import java.util
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong

import sparkkafka.testkit.Converters._

/** Everything that Python calls. Every method returns at once. Whatever takes time goes on in its
  * own thread and over a channel, whose address (`port secret`) the method returns, so that Python
  * can stop waiting whenever it wants to. Python announces from which port it will connect there.
  */
final class PythonApi {
  import PythonApi.opened

  private val clusters = new ConcurrentHashMap[Long, Cluster]
  private val lastHandle = new AtomicLong

  /** The kit's version that this jar was built as. Python compares it with its own before anything
    * else.
    */
  def pyVersion(): String = BuildInfo.version

  /** Over the channel, Python sends a frame with the settings of Kafka's clients, and gets one with
    * a handle for the cluster. Nothing is connected yet. Settings hold secrets, and py4j logs what
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

  /** Closes the handle's clients. It is not an error if the handle is not open. */
  def pyClose(handle: Long): Unit = Option(clusters.remove(handle)).foreach(close)

  private def close(cluster: Cluster): Unit = {
    opened.remove(cluster)
    cluster.close()
  }

  /** Serves operations on the cluster over the channel, until Python closes it: see [[Operations]].
    * That a handle is not open is reported there too, like every failure.
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

  /** A handle for a clock, which the next query that starts with this checkpoint will use.
    *
    * @param queries
    *   the session's StreamingQueryManager
    * @param time
    *   the first time of the clock, in milliseconds since the epoch
    * @param interval
    *   the interval of the query's trigger, in milliseconds
    */
  def pyOpenClock(queries: AnyRef, checkpoint: String, time: Long, interval: Long): Long =
    QueryClocks.open(queries, checkpoint, time, interval)

  /** Notes that the query has started, or could not, so that no other gets the clock. */
  def pyClockStarted(handle: Long): Unit = QueryClocks.started(handle)

  /** Over the channel: see [[QueryClocks.pass]]. */
  def pyPass(handle: Long, caller: Int): String =
    open("clock", caller)(QueryClocks.pass(handle, _))

  def pyCloseClock(handle: Long): Unit = QueryClocks.close(handle)

  private def open(name: String, caller: Int)(serve: Connection => Unit): String = {
    val address = LoopbackChannel.open(name, caller)(serve)
    s"${address.port} ${address.secret}"
  }

  /** See [[StatefulInputs]]. For the JVM of a session. */
  def pyStatefulInputs(plan: AnyRef, sources: util.List[AnyRef], once: Boolean): util.List[_] =
    StatefulInputs.of(plan, sources, once)

  /** See [[WatchedWrites.watch]]. For the JVM of a session. */
  def pyWatchWrites(session: AnyRef, query: String, failing: Int): Unit =
    WatchedWrites.watch(session, query, failing)

  /** See [[WatchedWrites.unwatch]]. */
  def pyUnwatchWrites(query: String): Array[Int] = WatchedWrites.unwatch(query)

  /** See [[EndedQuery.letGo]]. For the JVM of a session. */
  def pyLetGo(execution: AnyRef, callbacks: AnyRef): Unit =
    EndedQuery.letGo(execution, callbacks)

  /** See [[EndedQuery.removeListener]]. For the JVM of a session. */
  def pyRemoveListener(session: AnyRef): Unit = EndedQuery.removeListener(session)

  /** Notes the state of the JVM, for [[pyTidy]]. */
  def pyRemember(): Unit = KeptJvm.remember()

  /** Restores a JVM that stays, after the Python that used it is gone. This also closes clusters
    * that it left open.
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
