package sparkkafka.testkit

import java.io.PrintWriter
import java.io.StringWriter

/** What went wrong, as a code and data. Python turns them into the text that a user reads, which is
  * the same for every client. Each class of `errors.py` that the helper can raise has one. `code`
  * is the name of the class, and `data` holds the arguments of its constructor by name.
  */
private[testkit] final class Failure private (
    val code: String,
    val data: Map[String, Any],
    cause: Option[Throwable] = None
) extends RuntimeException(s"$code $data", cause.orNull)

private[testkit] object Failure {
  private val silenceCode = "BrokerUnreachableError"
  private val internalCode = "HelperError"

  /** How far the read of a partition had come. This is the twin of `PartitionState` in `errors.py`.
    *
    * @param stable
    *   the last stable offset
    * @param producers
    *   the ids of the producers with open transactions, if the broker reports them
    */
  final case class PartitionState(
      partition: Int,
      position: Long,
      target: Long,
      stable: Long,
      producers: Seq[Long]
  ) {
    def toData: Map[String, Any] = Map(
      "partition" -> partition,
      "position" -> position,
      "target" -> target,
      "stable" -> stable,
      "producers" -> producers
    )
  }

  def unknownTopic(topic: String, cause: Option[Throwable] = None): Failure =
    new Failure("UnknownTopicError", Map("topic" -> topic), cause)

  def brokerUnreachable(bootstrapServers: String, cause: Throwable): Failure = new Failure(
    silenceCode,
    Map("bootstrap_servers" -> bootstrapServers, "reason" -> cause.getMessage),
    Some(cause)
  )

  /** Nothing moved for this many seconds. */
  def readTimeout(topic: String, seconds: Double, partitions: Seq[PartitionState]): Failure =
    new Failure(
      "ReadTimeoutError",
      Map("topic" -> topic, "seconds" -> seconds, "partitions" -> partitions.map(_.toData))
    )

  /** The records of the offsets [start, end) are gone, before the read came to them. */
  def recordsDeleted(topic: String, partition: Int, start: Long, end: Long): Failure = new Failure(
    "RecordsDeletedError",
    Map("topic" -> topic, "partition" -> partition, "start" -> start, "end" -> end)
  )

  /** @param change
    *   deleted, recreated or truncated
    */
  def topicChanged(topic: String, change: String): Failure =
    new Failure("TopicChangedError", Map("topic" -> topic, "change" -> change))

  /** A problem without a class of its own: a request that makes no sense, or a bug. */
  def internal(reason: String): Failure = new Failure(internalCode, Map("reason" -> reason))

  /** A broker that does not answer, for callers who can go on without an answer, or ask again. */
  object Silence {
    def unapply(thrown: Throwable): Option[Failure] = thrown match {
      case failure: Failure if failure.code == silenceCode => Some(failure)
      case _ => None
    }
  }

  /** Any throwable, in the form that crosses to Python. */
  def toData(thrown: Throwable): Map[String, Any] = {
    val (code, data) = thrown match {
      case failure: Failure => (failure.code, failure.data)
      case other => (internalCode, Map("reason" -> other.toString))
    }
    Map("code" -> code, "data" -> data, "trace" -> trace(thrown))
  }

  private def trace(thrown: Throwable): String = {
    val text = new StringWriter
    thrown.printStackTrace(new PrintWriter(text, true))
    text.toString
  }
}
