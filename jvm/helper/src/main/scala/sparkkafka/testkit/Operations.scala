package sparkkafka.testkit

import scala.annotation.tailrec

import com.fasterxml.jackson.databind.JsonNode
import sparkkafka.testkit.Converters._

/** Serves Python's operations on one cluster over one connection, one after another. Each begins
  * with a frame `{"operation": name, ...}`. One that did not complete is the last of its
  * connection.
  */
private[testkit] final class Operations(cluster: Cluster, connection: Connection) {

  @tailrec def run(): Unit = if (serve(connection.receive())) run()

  private def serve(request: JsonNode): Boolean = request.path("operation").asText match {
    case "send" => send(request.get("topic").asText, request.get("transactional").asBoolean)
    case "read" => read(request.get("topic").asText, request.get("times"))
    case "follow" => follow(request.get("topic").asText, request.get("times"))
    case other =>
      throw Failure.internal(s"it was asked to '$other', but can only send, read and follow.")
  }

  /** Python sends an Arrow stream (see `_arrow/encode.py`) and one more byte, which says that it is
    * complete. It gets a frame with the [[BulkProducer.Report]].
    */
  private def send(topic: String, transactional: Boolean): Boolean = {
    val report = cluster.send(topic, transactional, connection.in)
    connection.sendResult(report.toData)
    if (!report.isComplete) connection.drain()
    report.isComplete
  }

  /** Python gets a frame with the state of the topic, and sends one with a [[ReadPlan]], or with
    * null. Then it gets an Arrow stream of records, and a frame with the coverage.
    *
    * @param times
    *   times whose offsets are wanted too, in milliseconds since the epoch
    */
  private def read(topic: String, times: JsonNode): Boolean = {
    val reader = new TopicReader(cluster, topic)
    connection.sendResult(reader.capture(times.elements.asScala.map(_.asLong).toList))
    val plan = connection.receive()
    if (!plan.isNull) {
      val writer = new RecordBatches.Writer(connection.out)
      val covered =
        try reader.run(ReadPlan(plan), writer, () => connection.checkOpen())
        finally writer.close()
      connection.sendResult(covered)
    }
    true
  }

  /** Like `read`, but the stream of records does not end, and holds an empty batch at least every
    * now and then. It ends when Python closes the connection, or gets a frame with the failure that
    * ended it. Only the starts of the ranges count.
    */
  private def follow(topic: String, times: JsonNode): Boolean = {
    val reader = new TopicReader(cluster, topic)
    connection.sendResult(reader.capture(times.elements.asScala.map(_.asLong).toList))
    val plan = ReadPlan(connection.receive())
    val writer = new RecordBatches.Writer(connection.out)
    try new TopicFollower(cluster, reader.description, plan).run(writer)
    finally writer.close()
    false
  }
}
