package sparkkafka.testkit

import java.util.Properties
import java.util.UUID
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.ExecutionException

import org.apache.kafka.clients.admin.Admin
import org.apache.kafka.clients.admin.ListOffsetsOptions
import org.apache.kafka.clients.admin.OffsetSpec
import org.apache.kafka.clients.admin.TopicDescription
import org.apache.kafka.clients.consumer.KafkaConsumer
import org.apache.kafka.clients.producer.KafkaProducer
import org.apache.kafka.common.IsolationLevel
import org.apache.kafka.common.KafkaFuture
import org.apache.kafka.common.TopicPartition
import org.apache.kafka.common.errors.InvalidTopicException
import org.apache.kafka.common.errors.TimeoutException
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException
import org.apache.kafka.common.serialization.ByteArrayDeserializer
import org.apache.kafka.common.serialization.ByteArraySerializer
import sparkkafka.testkit.Converters._

/** One Kafka cluster and our clients of it. They are made when first needed, kept while they are
  * sound, and closed with it.
  */
private[testkit] final class Cluster(bootstrapServers: String) extends AutoCloseable {
  import Cluster.{Consumer, Producer}

  private val idleConsumers = new ConcurrentLinkedQueue[(IsolationLevel, Consumer)]
  private val sendLock = new Object
  private var producer: Option[Producer] = None

  private lazy val admin: Admin = Admin.create(
    settings(
      "request.timeout.ms" -> "10000",
      "default.api.timeout.ms" -> Cluster.apiMillis.toString
    )
  )

  /** The topic's partitions and id. A topic that was created a moment ago may not be known yet, so
    * the broker is asked for a while.
    */
  def describe(topic: String): TopicDescription = {
    val deadline = System.nanoTime + Cluster.unknownTopicMillis * 1000000L
    def attempt(): TopicDescription =
      lookUp(topic) match {
        case Some(description) => description
        case None if System.nanoTime >= deadline =>
          throw new Failure(Failure.UnknownTopic, Map("topic" -> topic))
        case None =>
          Thread.sleep(Cluster.unknownTopicPauseMillis)
          attempt()
      }
    attempt()
  }

  def lookUp(topic: String): Option[TopicDescription] =
    try
      Some(
        await(admin.describeTopics(java.util.Collections.singletonList(topic)).allTopicNames)
          .get(topic)
      )
    catch { case _: UnknownTopicOrPartitionException | _: InvalidTopicException => None }

  /** Beginning offset, end offset (the high watermark) and last stable offset of each partition. */
  def offsets(
      partitions: Iterable[TopicPartition],
      timeoutMillis: Int = Cluster.apiMillis
  ): Map[TopicPartition, PartitionOffsets] = {
    def list(spec: OffsetSpec, isolation: IsolationLevel) = {
      val options = new ListOffsetsOptions(isolation).timeoutMs(timeoutMillis)
      admin.listOffsets(partitions.map(_ -> spec).toMap.asJava, options).all
    }
    val beginning = list(OffsetSpec.earliest, IsolationLevel.READ_UNCOMMITTED)
    val end = list(OffsetSpec.latest, IsolationLevel.READ_UNCOMMITTED)
    val stable = list(OffsetSpec.latest, IsolationLevel.READ_COMMITTED)
    partitions.map { partition =>
      partition -> PartitionOffsets(
        await(beginning).get(partition).offset,
        await(end).get(partition).offset,
        await(stable).get(partition).offset
      )
    }.toMap
  }

  /** Lends the one producer. It is not used again after a failure: an idempotent producer may then
    * be past repair.
    */
  def withProducer[A](use: Producer => A)(isSound: A => Boolean): A = sendLock.synchronized {
    val lent = producer.getOrElse(newProducer())
    producer = None
    val result =
      try use(lent)
      catch { case thrown: Throwable => lent.close(Cluster.atOnce); throw thrown }
    if (isSound(result)) producer = Some(lent) else lent.close(Cluster.atOnce)
    result
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
      catch { case thrown: Throwable => lent._2.close(Cluster.atOnce); throw thrown }
    lent._2.unsubscribe()
    idleConsumers.add(lent)
    result
  }

  override def close(): Unit = {
    sendLock.synchronized {
      producer.foreach(_.close(Cluster.atOnce))
      producer = None
    }
    Iterator
      .continually(idleConsumers.poll())
      .takeWhile(_ != null)
      .foreach(_._2.close(Cluster.atOnce))
    admin.close(Cluster.atOnce)
  }

  private def await[A](future: KafkaFuture[A]): A =
    try future.get()
    catch {
      case failed: ExecutionException =>
        failed.getCause match {
          case timeout: TimeoutException =>
            throw new Failure(
              Failure.BrokerUnreachable,
              Map("bootstrap_servers" -> bootstrapServers, "reason" -> timeout.getMessage),
              Some(timeout)
            )
          case cause => throw cause
        }
    }

  private def newProducer(): Producer = new KafkaProducer(
    settings(
      "acks" -> "all",
      "enable.idempotence" -> "true",
      "linger.ms" -> "20", // full batches in a bulk send; a small one does not wait, because it ends with a flush
      "batch.size" -> Cluster.batchBytes.toString,
      "buffer.memory" -> (64 << 20).toString,
      "max.request.size" -> (100 << 20).toString, // the topic decides what is too large
      "max.block.ms" -> "10000",
      "request.timeout.ms" -> "15000",
      "delivery.timeout.ms" -> "60000"
    ),
    new ByteArraySerializer,
    new ByteArraySerializer
  )

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
    properties.put("bootstrap.servers", bootstrapServers)
    properties.put("client.id", s"spark-kafka-testkit-${UUID.randomUUID()}")
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

  private val apiMillis = 20000
  private val unknownTopicMillis = 2000L
  private val unknownTopicPauseMillis = 50L
  private val atOnce = java.time.Duration.ZERO
}
