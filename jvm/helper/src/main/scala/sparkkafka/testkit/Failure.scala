package sparkkafka.testkit

import java.io.PrintWriter
import java.io.StringWriter

/** What went wrong, as a code and data: the text a user reads is made from them in Python, the same
  * for every client.
  *
  * @param code
  *   one of [[Failure]]'s constants, the name of a class on the Python side
  */
private[testkit] final class Failure(
    val code: String,
    val data: Map[String, Any],
    cause: Option[Throwable] = None
) extends RuntimeException(s"$code $data", cause.orNull)

private[testkit] object Failure {
  val UnknownTopic = "UnknownTopicError"
  val BrokerUnreachable = "BrokerUnreachableError"
  val ReadTimeout = "ReadTimeoutError"
  val RecordsDeleted = "RecordsDeletedError"
  val TopicChanged = "TopicChangedError"
  val Internal = "HelperError"

  def topicChanged(topic: String, change: String): Failure =
    new Failure(TopicChanged, Map("topic" -> topic, "change" -> change))

  def recordsDeleted(topic: String, partition: Int, start: Long, end: Long): Failure = new Failure(
    RecordsDeleted,
    Map("topic" -> topic, "partition" -> partition, "start" -> start, "end" -> end)
  )

  /** Any throwable in the form that crosses to Python. */
  def toData(thrown: Throwable): Map[String, Any] = {
    val (code, data) = thrown match {
      case failure: Failure => (failure.code, failure.data)
      case other => (Internal, Map("reason" -> other.toString))
    }
    Map("code" -> code, "data" -> data, "trace" -> trace(thrown))
  }

  private def trace(thrown: Throwable): String = {
    val text = new StringWriter
    thrown.printStackTrace(new PrintWriter(text, true))
    text.toString
  }
}
