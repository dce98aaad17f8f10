package sparkkafka.testkit

import java.io.InputStream

import scala.collection.mutable

import org.apache.kafka.clients.producer.Callback
import org.apache.kafka.clients.producer.ProducerRecord
import org.apache.kafka.clients.producer.RecordMetadata
import org.apache.kafka.common.KafkaException
import org.apache.kafka.common.errors.TimeoutException

/** Sends the rows of one Arrow stream to one topic and keeps account of each. The producer's own
  * thread sends while rows are decoded; its buffer bounds what is held.
  */
private[testkit] final class BulkProducer(producer: Cluster.Producer, topic: String) {
  import BulkProducer._

  private val written = mutable.TreeMap.empty[Int, Written]
  private val failures = mutable.ArrayBuffer.empty[SendFailure]
  private var sent = 0L
  private var acked = 0L
  private var failed = 0L
  private var unknown = 0L

  /** Fails with [[Failure.UnknownTopic]] where the topic does not exist and the broker makes none.
    */
  def run(in: InputStream): Report = {
    checkTopic()
    RecordBatches.foreachRow(in)(send)
    producer.flush()
    synchronized(Report(sent, acked, failed, unknown, failures.toList, written.toMap))
  }

  private def checkTopic(): Unit =
    try { producer.partitionsFor(topic); () }
    catch {
      case missing: TimeoutException =>
        throw new Failure(Failure.UnknownTopic, Map("topic" -> topic), Some(missing))
    }

  /** A record larger than a batch is sent before another can join its batch: refused as too large,
    * such a batch would be split, joined again, and retried until the delivery times out.
    */
  private def send(key: Array[Byte], value: Array[Byte]): Unit = {
    val index = sent
    sent += 1
    val outcome = new Callback {
      override def onCompletion(metadata: RecordMetadata, exception: Exception): Unit =
        if (exception == null) ack(metadata) else fail(index, exception)
    }
    try {
      producer.send(new ProducerRecord(topic, key, value), outcome)
      if (length(key) + length(value) > Cluster.batchBytes) producer.flush()
    } catch { case refused: KafkaException => fail(index, refused) }
  }

  private def length(bytes: Array[Byte]): Int = if (bytes == null) 0 else bytes.length

  private def ack(metadata: RecordMetadata): Unit = synchronized {
    acked += 1
    val partition = written.getOrElseUpdate(metadata.partition, new Written(metadata.offset))
    partition.count += 1
    partition.last = metadata.offset
  }

  /** A time-out leaves open whether the record was written: it is unknown, not failed. */
  private def fail(index: Long, exception: Exception): Unit = synchronized {
    val isUnknown = exception.isInstanceOf[TimeoutException]
    if (isUnknown) unknown += 1 else failed += 1
    val failure = SendFailure(
      index,
      if (isUnknown) "unknown" else "failed",
      exception.getClass.getSimpleName,
      exception.getMessage
    )
    if (failures.size < maxFailures) { failures += failure; () }
  }
}

private[testkit] object BulkProducer {
  private val maxFailures = 100

  final class Written(val first: Long) {
    var last: Long = first
    var count: Long = 0
  }

  final case class SendFailure(index: Long, outcome: String, error: String, reason: String) {
    def toData: Map[String, Any] =
      Map[String, Any]("index" -> index, "outcome" -> outcome, "error" -> error, "reason" -> reason)
  }

  final case class Report(
      sent: Long,
      acked: Long,
      failed: Long,
      unknown: Long,
      failures: Seq[SendFailure],
      written: Map[Int, Written]
  ) {
    def isComplete: Boolean = acked == sent

    def toData: Map[String, Any] = Map(
      "sent" -> sent,
      "acked" -> acked,
      "failed" -> failed,
      "unknown" -> unknown,
      "failures" -> failures.sortBy(_.index).map(_.toData),
      "written" -> written.map { case (partition, item) =>
        partition -> Seq(item.count, item.first, item.last)
      }
    )
  }
}
