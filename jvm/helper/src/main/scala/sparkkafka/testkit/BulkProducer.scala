package sparkkafka.testkit

import java.nio.channels.ReadableByteChannel
import java.util.concurrent.Executors
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit.MILLISECONDS

import scala.collection.mutable

import org.apache.kafka.clients.producer.Callback
import org.apache.kafka.clients.producer.RecordMetadata
import org.apache.kafka.common.KafkaException
import org.apache.kafka.common.errors.ApiException
import org.apache.kafka.common.errors.RetriableException

/** Sends the rows of one Arrow stream to one topic and keeps track of each. The producer's own
  * thread sends while rows are decoded. The number of unacknowledged rows is limited.
  *
  * The first row that runs out of time ends the send. The producer is closed, which completes
  * everything that it holds, and no more rows are accepted. So a dead broker takes the time of one
  * delivery. While a producer waits to add a partition to a transaction, no row of it ever runs out
  * of time, and it may wait forever. There the send ends when nothing has moved for that long.
  *
  * @param isTransactional
  *   whether all rows go into one transaction. It is committed if every row was acknowledged and
  *   Python sent all it had, and otherwise aborted
  */
private[testkit] final class BulkProducer(
    producer: Cluster.Producer,
    topic: String,
    isTransactional: Boolean
) {
  import BulkProducer._

  private val room = new Semaphore(maxInFlight)
  private val written = mutable.TreeMap.empty[Int, Written]
  private val failures = mutable.ArrayBuffer.empty[SendFailure]
  private var latest = new Written(-1, -1)
  private var sent = 0L
  private var acked = 0L
  private var failed = 0L
  private var unknown = 0L
  private var partitions = 0
  private var aborted = false
  private var hasStartedOver = false // offsets rise, except in a topic made again
  @volatile private var isGivenUp = false
  @volatile private var isWaiting = false
  private val stall = new StallWatch(Cluster.deliveryMillis)
  private var settledBefore = 0L

  /** Whether the transaction may still be open. */
  @volatile var isLeftOpen = false

  /** Finds out how many partitions the topic has. The broker may create it here. Fails with a
    * TimeoutException if the broker does not know the topic.
    */
  def findTopic(): Unit = partitions = producer.partitionsFor(topic).size

  /** Sends everything, after the topic is found. */
  def run(in: ReadableByteChannel): Report = {
    val look =
      looks.scheduleWithFixedDelay(() => endStalled(), lookMillis, lookMillis, MILLISECONDS)
    try
      if (isTransactional) transaction(sendAll(in)) else { sendAll(in); () }
    finally {
      val _ = look.cancel(false)
    }
    synchronized {
      Report(
        sent,
        acked,
        failed,
        unknown,
        failures.toList,
        written.toMap,
        aborted,
        isGivenUp,
        hasStartedOver
      )
    }
  }

  /** Sends all rows, and returns whether all were sent and acknowledged. */
  private def sendAll(in: ReadableByteChannel): Boolean = {
    val isWhole = SendBatches.foreachRecord(in, topic)(send)
    waiting(producer.flush())
    isWhole && synchronized(acked == sent)
  }

  private def transaction(work: => Boolean): Unit = {
    producer.beginTransaction()
    val isComplete =
      try work
      catch { case thrown: Throwable => abort(); throw thrown }
    if (isComplete) commit() else abort()
  }

  private def commit(): Unit =
    try producer.commitTransaction()
    catch {
      case lost: KafkaException if mayBeDone(lost) =>
        isLeftOpen = true
        synchronized { unknown = acked; acked = 0 }
      case _: IllegalStateException => abort() // the producer was closed before
    }

  /** Aborts the transaction. If the broker can't be asked to, it is still never committed. */
  private def abort(): Unit = {
    aborted = true
    try producer.abortTransaction()
    catch { case _: KafkaException | _: IllegalStateException => isLeftOpen = true }
  }

  /** Sends a record. One larger than a batch is sent before another can join its batch. Otherwise
    * such a batch could be refused as too large, split, joined again, and retried until the
    * delivery times out.
    *
    * @return
    *   whether more is wanted. A transaction that has lost a record is lost
    */
  private def send(record: SendBatches.Out): Boolean = {
    if (sent % share == 0 && !room.tryAcquire(share)) waiting(room.acquire(share))
    if (!isGivenUp) handOver(record)
    !isGivenUp && !(isTransactional && synchronized(failures.nonEmpty))
  }

  private def handOver(record: SendBatches.Out): Unit = {
    val index = sent
    sent += 1
    if (record.partition != null && record.partition >= partitions) {
      val reason = s"partition ${record.partition} does not exist (the topic has $partitions)"
      fail(SendFailure(index, Failed, "UnknownPartition", reason))
    } else
      try {
        producer.send(record, new Outcome(index))
        if (length(record.key) + length(record.value) > Cluster.batchBytes)
          waiting(producer.flush())
      } catch {
        case refused: KafkaException => fail(SendFailure(index, Failed, refused))
        case _: IllegalStateException => // the producer is closed and does not accept this one
          sent = index
          isGivenUp = true
      }
  }

  private def length(bytes: Array[Byte]): Int = if (bytes == null) 0 else bytes.length

  private final class Outcome(index: Long) extends Callback {
    override def onCompletion(metadata: RecordMetadata, exception: Exception): Unit =
      exception match {
        case null => ack(metadata)
        case _ if mayBeDone(exception) =>
          fail(SendFailure(index, Unknown, exception))
          if (!isGivenUp) giveUp()
        case _ => fail(SendFailure(index, Failed, exception))
      }
  }

  /** Waits for the outcome of rows. */
  private def waiting(step: => Unit): Unit = {
    isWaiting = true
    try step
    finally isWaiting = false
  }

  private def endStalled(): Unit = {
    val isStalled = synchronized {
      val settled = acked + failed + unknown
      if (!isWaiting || settled != settledBefore) stall.reset()
      settledBefore = settled
      stall.isOver
    }
    if (isStalled && !isGivenUp) giveUp()
  }

  private def giveUp(): Unit = {
    isGivenUp = true
    producer.close(Cluster.atOnce)
  }

  private def ack(metadata: RecordMetadata): Unit = synchronized {
    acked += 1
    if (latest.partition != metadata.partition)
      latest = written.getOrElseUpdate(
        metadata.partition,
        new Written(metadata.partition, metadata.offset)
      )
    if (metadata.offset <= latest.last) hasStartedOver = true
    latest.count += 1
    latest.last = metadata.offset
    settle()
  }

  private def fail(failure: SendFailure): Unit = synchronized {
    if (failure.outcome == Unknown) unknown += 1 else failed += 1
    if (failures.size < maxFailures) failures += failure
    settle()
  }

  private def settle(): Unit = if ((acked + failed + unknown) % share == 0) room.release(share)
}

private[testkit] object BulkProducer {
  private val lookMillis = 500L
  private val looks = Executors.newSingleThreadScheduledExecutor { task =>
    val thread = new Thread(task, "spark-kafka-testkit-sends")
    thread.setDaemon(true)
    thread
  }

  private val maxFailures = 100

  // Rows in flight are objects that each collection of a young heap copies. They slow a send down
  // long before their bytes fill the producer's buffer. Permits are acquired and released by the
  // share.
  private val maxInFlight = 32768
  private val share = 4096

  private val Failed = "failed"
  private val Unknown = "unknown"

  /** Whether the row may be written although it ran out of time, or the producer was closed. */
  private def mayBeDone(thrown: Exception): Boolean = thrown match {
    case _: RetriableException => true
    case _: ApiException => false
    case _ => true
  }

  final class Written(val partition: Int, val first: Long) {
    var last: Long = first - 1
    var count: Long = 0
  }

  final case class SendFailure(index: Long, outcome: String, error: String, reason: String) {
    def toData: Map[String, Any] =
      Map[String, Any]("index" -> index, "outcome" -> outcome, "error" -> error, "reason" -> reason)
  }

  object SendFailure {
    def apply(index: Long, outcome: String, thrown: Exception): SendFailure =
      SendFailure(index, outcome, thrown.getClass.getSimpleName, thrown.getMessage)
  }

  final case class Report(
      sent: Long,
      acked: Long,
      failed: Long,
      unknown: Long,
      failures: Seq[SendFailure],
      written: Map[Int, Written],
      aborted: Boolean,
      givenUp: Boolean,
      startedOver: Boolean,
      change: Option[String] = None
  ) {
    def isComplete: Boolean = acked == sent && !aborted && !givenUp && !startedOver

    def toData: Map[String, Any] = Map(
      "sent" -> sent,
      "acked" -> acked,
      "failed" -> failed,
      "unknown" -> unknown,
      "failures" -> failures.sortBy(_.index).map(_.toData),
      "written" -> written.map { case (partition, item) =>
        partition -> Seq(item.count, item.first, item.last)
      },
      "aborted" -> aborted,
      "given_up" -> givenUp,
      "change" -> change
    )
  }
}
