package sparkkafka.testkit

import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong

import sparkkafka.testkit.Converters._

/** All that Python calls. Every method returns at once: what takes time goes on in a thread of its
  * own and answers over the channel whose address (`port secret`) the method returns, so that
  * Python can give up waiting whenever it wants to.
  */
final class PythonApi {
  private val clusters = new ConcurrentHashMap[Long, Cluster]
  private val lastHandle = new AtomicLong

  /** The kit's version this jar was built as; Python compares it with its own before anything else.
    */
  def pyVersion(): String = BuildInfo.version

  /** Over the channel: Python sends a frame with the settings of Kafka's clients, and gets one with
    * a handle for the cluster; nothing is connected yet. Settings hold secrets, and py4j logs what
    * it is called with.
    */
  def pyOpen(): String = open("open") { connection =>
    val settings = connection.receive().fields.asScala
    val handle = lastHandle.incrementAndGet()
    clusters.put(handle, new Cluster(settings.map(it => it.getKey -> it.getValue.asText).toMap))
    connection.sendResult(handle)
  }

  /** Closes the handle's clients. A handle that is not open is no error. */
  def pyClose(handle: Long): Unit = Option(clusters.remove(handle)).foreach(_.close())

  /** Over the channel: Python sends an Arrow stream (see `messages.py`) and one byte more, which
    * says that it is complete; it gets a frame with the [[BulkProducer.Report]].
    */
  def pySend(handle: Long, topic: String, transactional: Boolean): String = {
    val cluster = clusters.get(handle)
    open(s"send-$topic") { connection =>
      val report =
        try Right(cluster.send(topic, transactional, connection.in))
        catch { case failure: Failure => Left(failure) }
      connection.drain()
      report.fold(connection.sendFailure, done => connection.sendResult(done.toData))
    }
  }

  /** Over the channel: Python gets a frame that tells where the topic stands, and sends one with a
    * [[ReadPlan]]; then it gets an Arrow stream of records, and a frame with the coverage.
    *
    * @param times
    *   for which offsets are wanted too: milliseconds since the epoch, as a JSON list
    */
  def pyRead(handle: Long, topic: String, times: String): String = {
    val cluster = clusters.get(handle)
    val millis = Json.read(times).elements.asScala.map(_.asLong).toList
    open(s"read-$topic") { connection =>
      val reader = new TopicReader(cluster, topic)
      connection.sendResult(reader.capture(millis))
      val plan = ReadPlan(connection.receive())
      val writer = new RecordBatches.Writer(connection.out)
      val covered =
        try reader.run(plan, writer)
        finally writer.close()
      connection.sendResult(covered)
    }
  }

  private def open(name: String)(serve: Connection => Unit): String = {
    val address = ArrowChannel.open(name)(serve)
    s"${address.port} ${address.secret}"
  }
}
