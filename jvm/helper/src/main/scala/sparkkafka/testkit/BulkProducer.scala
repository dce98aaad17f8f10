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

/** Sends the rows of one Arrow stream to one topic and keeps account of each. The producer's own
  * thread sends while rows are decoded; what is not acknowledged yet is bounded.
  *
  * The first row that is out of time ends the send: the producer is closed, which completes all
  * that it holds, and no more rows are taken. So a dead broker takes the time of one delivery.
  * While it waits to add a partition to a transaction a producer takes no row for out of time, and
  * does so for ever: there the send is ended when nothing has moved for that long.
  *
  * @param isTransactional
  *   all in one transaction: committed where every row was acknowledged and Python sent all it had,
  *   else aborted
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
  private var hasStartedOver = false // offsets rise, but in a topic made anew
  @volatile private var isGivenUp = false
  @volatile private var isWaiting = false
  private val stall = new StallWatch(Cluster.deliveryMillis)
  private var settledBefore = 0L

  /** Whether the transaction may be open still. */
  @volatile var isLeftOpen = false

  /** Learns how many partitions the topic has; here the broker makes one that is not there. Fails
    * with a TimeoutException where the broker tells of no such topic.
    */
  def findTopic(): Unit = partitions = producer.partitionsFor(topic).size

  /** Sends all, once the topic is found. */
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

  /** Whether all was sent, and acknowledged. */
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

  /** A transaction that the broker can't be told to abort is never committed all the same. */
  private def abort(): Unit = {
    aborted = true
    try producer.abortTransaction()
    catch { case _: KafkaException | _: IllegalStateException => isLeftOpen = true }
  }

  /** A record larger than a batch is sent before another can join its batch: refused as too large,
    * such a batch would be split, joined again, and retried until the delivery times out.
    *
    * @return
    *   whether more is wanted: a transaction that has lost a record is lost
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
      val reason = s"partition ${record.partition} of a topic with $partitions"
      fail(SendFailure(index, Failed, "UnknownPartition", reason))
    } else
      try {
        producer.send(record, new Outcome(index))
        if (length(record.key) + length(record.value) > Cluster.batchBytes)
          waiting(producer.flush())
      } catch {
        case refused: KafkaException => fail(SendFailure(index, Failed, refused))
        case _: IllegalStateException => // the producer has been closed: it does not take this one
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

  // What is in flight is objects that each collection of a young heap copies: they slow a send down
  // long before their bytes fill the producer's buffer. It is taken and given back by the share.
  private val maxInFlight = 32768
  private val share = 4096

  private val Failed = "failed"
  private val Unknown = "unknown"

  /** Out of time, or the producer was closed: it may be written all the same. */
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
