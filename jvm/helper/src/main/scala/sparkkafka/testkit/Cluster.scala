package sparkkafka.testkit

import java.io.InputStream
import java.util.Properties
import java.util.UUID
import java.util.concurrent.ConcurrentLinkedQueue

import scala.collection.mutable

import org.apache.kafka.clients.consumer.KafkaConsumer
import org.apache.kafka.clients.producer.KafkaProducer
import org.apache.kafka.common.IsolationLevel
import org.apache.kafka.common.serialization.ByteArrayDeserializer
import org.apache.kafka.common.serialization.ByteArraySerializer
import sparkkafka.testkit.Converters._

/** One Kafka cluster and our clients of it. They are made when first needed, kept while they are
  * sound, and closed with it.
  *
  * @param access
  *   how clients reach it: bootstrap servers, security; ours are over them
  */
private[testkit] final class Cluster(access: Map[String, String]) extends AutoCloseable {
  import Cluster._

  private val idleConsumers = new ConcurrentLinkedQueue[(IsolationLevel, Consumer)]
  private val sendLock = new Object
  private val producers = mutable.Map.empty[Boolean, Producer]
  private val transactionalId = s"spark-kafka-testkit-${UUID.randomUUID()}"

  lazy val lookups: Lookups = new Lookups(
    settings(
      "request.timeout.ms" -> "10000",
      "default.api.timeout.ms" -> Lookups.apiMillis.toString
    )
  )

  /** Sends an Arrow stream; see [[BulkProducer]]. */
  def send(topic: String, transactional: Boolean, in: InputStream): BulkProducer.Report = {
    val report = sendLock.synchronized {
      withProducer(transactional)(new BulkProducer(_, topic, transactional).run(in))
    }
    if (transactional && report.isComplete && report.sent > 0) lookups.awaitVisible(transactionalId)
    report
  }

  /** Lends the one producer of the kind. It is not used again after a failure: an idempotent
    * producer may then be past repair.
    */
  private def withProducer(
      transactional: Boolean
  )(use: Producer => BulkProducer.Report): BulkProducer.Report = {
    val lent = producers.remove(transactional).getOrElse(newProducer(transactional))
    val report =
      try use(lent)
      catch { case thrown: Throwable => lent.close(atOnce); throw thrown }
    if (report.isComplete) producers(transactional) = lent else lent.close(atOnce)
    report
  }

  /** Lends a consumer that no one else uses, without partitions; its connection and metadata are
    * warm from the last read.
    */
  def withConsumer[A](isolation: IsolationLevel)(use: Consumer => A): A = {
    val lent = idleConsumers.asScala
      .find(idle => idle._1 == isolation && idleConsumers.remove(idle))
      .getOrElse(isolation -> newConsumer(isolation))
    val result =
      try use(lent._2)
      catch { case thrown: Throwable => lent._2.close(atOnce); throw thrown }
    lent._2.unsubscribe()
    idleConsumers.add(lent)
    result
  }

  override def close(): Unit = {
    sendLock.synchronized {
      producers.values.foreach(_.close(atOnce))
      producers.clear()
    }
    Iterator
      .continually(idleConsumers.poll())
      .takeWhile(_ != null)
      .foreach(_._2.close(atOnce))
    lookups.close()
  }

  private def newProducer(transactional: Boolean): Producer = {
    val properties = settings(
      "acks" -> "all",
      "enable.idempotence" -> "true",
      "linger.ms" -> "20", // full batches in a bulk send; a small one does not wait, because it ends with a flush
      "batch.size" -> batchBytes.toString,
      "buffer.memory" -> (64 << 20).toString,
      "max.request.size" -> (100 << 20).toString, // the topic decides what is too large
      "max.block.ms" -> "10000",
      "request.timeout.ms" -> "15000",
      "delivery.timeout.ms" -> "60000"
    )
    if (transactional) {
      properties.put("transactional.id", transactionalId)
      properties.put("transaction.timeout.ms", transactionMillis.toString)
    }
    val producer = new KafkaProducer(properties, new ByteArraySerializer, new ByteArraySerializer)
    if (transactional) producer.initTransactions()
    producer
  }

  private def newConsumer(isolation: IsolationLevel): Consumer = new KafkaConsumer(
    settings(
      "isolation.level" -> isolation.toString.toLowerCase,
      "auto.offset.reset" -> "none",
      "enable.auto.commit" -> "false",
      "allow.auto.create.topics" -> "false",
      "fetch.max.wait.ms" -> "10", // a fetch in flight delays the next read, and a close, by this much
      "max.partition.fetch.bytes" -> (8 << 20).toString,
      "max.poll.records" -> "16384"
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
  val atOnce: java.time.Duration = java.time.Duration.ZERO

  private val transactionMillis = 900000 // what brokers allow at the most, by default
}
