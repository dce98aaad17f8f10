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

  /** A handle for a cluster; nothing is connected yet. */
  def pyOpen(bootstrapServers: String): Long = {
    val handle = lastHandle.incrementAndGet()
    clusters.put(handle, new Cluster(bootstrapServers))
    handle
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

  /** As [[pyRead]], but the stream of records does not end, and holds an empty batch at least every
    * while; Python closes the channel, or gets a frame with the failure that ended it. Of the
    * ranges only the starts count.
    */
  def pyFollow(handle: Long, topic: String, times: String): String = {
    val cluster = clusters.get(handle)
    val millis = Json.read(times).elements.asScala.map(_.asLong).toList
    open(s"follow-$topic") { connection =>
      val reader = new TopicReader(cluster, topic)
      connection.sendResult(reader.capture(millis))
      val plan = ReadPlan(connection.receive())
      val writer = new RecordBatches.Writer(connection.out)
      try new TopicFollower(cluster, reader.description, plan).run(writer)
      finally writer.close()
    }
  }

  private def open(name: String)(serve: Connection => Unit): String = {
    val address = ArrowChannel.open(name)(serve)
    s"${address.port} ${address.secret}"
  }
}
