package sparkkafka.testkit

import java.nio.channels.ReadableByteChannel
import java.time.Duration
import java.util.Locale
import java.util.Properties
import java.util.UUID

import org.apache.kafka.clients.consumer.KafkaConsumer
import org.apache.kafka.clients.producer.KafkaProducer
import org.apache.kafka.common.IsolationLevel
import org.apache.kafka.common.serialization.ByteArrayDeserializer
import org.apache.kafka.common.serialization.ByteArraySerializer

/** One Kafka cluster and our clients of it. They are made when first needed, kept while they are
  * sound, and closed with it.
  *
  * @param access
  *   how clients reach it: bootstrap servers, security; the settings below take precedence
  */
private[testkit] final class Cluster(access: Map[String, String]) extends AutoCloseable {
  import Cluster._

  private val readers = new Pool[Reader]
  private val senders = new Pool[Sender]

  lazy val admin: TopicAdmin = new TopicAdmin(
    settings(
      "request.timeout.ms" -> "10000",
      "default.api.timeout.ms" -> TopicAdmin.apiMillis.toString
    )
  )

  /** Sends an Arrow stream; see [[BulkProducer]]. Each send has a producer to itself: one may wait
    * for another, as where messages are drawn from a generator that sends some as well.
    */
  def send(topic: String, transactional: Boolean, in: ReadableByteChannel): BulkProducer.Report = {
    val lent = senderFor(topic, transactional)
    try {
      val report = new BulkProducer(lent.producer, topic, transactional).run(in)
      if (report.isComplete && report.sent > 0) lent.transactionalId.foreach(admin.awaitVisible)
      // after a failure an idempotent producer may be past repair
      if (report.isComplete) senders.giveBack(lent) else lent.close()
      report
    } catch { case thrown: Throwable => lent.close(); throw thrown }
  }

  /** A sender of the kind. One that has not heard of partitions added to the topic, which may take
    * minutes, is not used again.
    */
  private def senderFor(topic: String, transactional: Boolean): Sender = {
    val count = admin.lookUp(topic).map(_.partitions.size)
    senders.take(_.transactionalId.isDefined == transactional) match {
      case Some(idle) if count.forall(_ == idle.partitions(topic)) => idle
      case Some(stale) => stale.close(); newSender(transactional)
      case None => newSender(transactional)
    }
  }

  /** Lends a consumer that no one else uses, without partitions; its connection and metadata are
    * warm from the last read.
    */
  def withConsumer[A](isolation: IsolationLevel)(use: Consumer => A): A = {
    val lent = readers
      .take(_.isolation == isolation)
      .getOrElse(new Reader(newConsumer(isolation, readWaitMillis), isolation))
    val result =
      try use(lent.consumer)
      catch { case thrown: Throwable => lent.close(); throw thrown }
    lent.consumer.unsubscribe()
    readers.giveBack(lent)
    result
  }

  /** Lends a consumer whose fetches wait for records, and closes it. */
  def withFollower[A](isolation: IsolationLevel)(use: Consumer => A): A = {
    val consumer = newConsumer(isolation, followWaitMillis)
    try use(consumer)
    finally consumer.close(atOnce)
  }

  override def close(): Unit = {
    senders.close()
    readers.close()
    admin.close()
  }

  private def newSender(transactional: Boolean): Sender = {
    val properties = settings(
      "acks" -> "all",
      "enable.idempotence" -> "true",
      // full batches in a bulk send; a small one does not wait, because it ends with a flush
      "linger.ms" -> "20",
      "batch.size" -> batchBytes.toString,
      "buffer.memory" -> (64 << 20).toString,
      // the system's own, which grows; Kafka's default throttles loopback
      "send.buffer.bytes" -> "-1",
      // the topic decides what is too large
      "max.request.size" -> (100 << 20).toString,
      "max.block.ms" -> "10000",
      "request.timeout.ms" -> "15000",
      "delivery.timeout.ms" -> "60000"
    )
    val transactionalId =
      if (transactional) Some(s"spark-kafka-testkit-${UUID.randomUUID()}") else None
    transactionalId.foreach { id =>
      properties.put("transactional.id", id)
      properties.put("transaction.timeout.ms", transactionMillis.toString)
    }
    val producer = new KafkaProducer(properties, new ByteArraySerializer, new ByteArraySerializer)
    val sender = new Sender(producer, transactionalId)
    try if (transactional) producer.initTransactions()
    catch { case thrown: Throwable => sender.close(); throw thrown }
    sender
  }

  private def newConsumer(isolation: IsolationLevel, waitMillis: Int): Consumer = new KafkaConsumer(
    settings(
      "isolation.level" -> isolation.toString.toLowerCase(Locale.ROOT),
      "auto.offset.reset" -> "none",
      "enable.auto.commit" -> "false",
      "allow.auto.create.topics" -> "false",
      "fetch.max.wait.ms" -> waitMillis.toString,
      // as send.buffer.bytes
      "receive.buffer.bytes" -> "-1",
      // with this and the next, what a long read holds is small beside the heap
      "max.partition.fetch.bytes" -> (2 << 20).toString,
      "max.poll.records" -> "8192"
    ),
    new ByteArrayDeserializer,
    new ByteArrayDeserializer
  )

  private def settings(pairs: (String, String)*): Properties = {
    val properties = new Properties
    properties.put("client.id", s"spark-kafka-testkit-${UUID.randomUUID()}")
    access.foreach { case (key, value) => properties.put(key, value) }
    properties.put("auto.include.jmx.reporter", "false")
    pairs.foreach { case (key, value) => properties.put(key, value) }
    properties
  }
}

private[testkit] object Cluster {
  type Bytes = Array[Byte]
  type Producer = KafkaProducer[Bytes, Bytes]
  type Consumer = KafkaConsumer[Bytes, Bytes]

  val batchBytes: Int = 256 << 10
  val atOnce: Duration = Duration.ZERO

  // At the end of every poll a consumer leaves a fetch behind, and at a topic's end the broker holds
  // it for this long, in the way of the next read. A follower wants just that: it is answered when
  // a record is committed.
  private val readWaitMillis = 1
  private val followWaitMillis = 500

  // what brokers allow at the most, by default
  private val transactionMillis = 900000

  private final class Sender(val producer: Producer, val transactionalId: Option[String])
      extends AutoCloseable {

    /** As many as the producer has heard of. */
    def partitions(topic: String): Int = producer.partitionsFor(topic).size

    override def close(): Unit = producer.close(atOnce)
  }

  private final class Reader(val consumer: Consumer, val isolation: IsolationLevel)
      extends AutoCloseable {
    override def close(): Unit = consumer.close(atOnce)
  }
}
