package sparkkafka.testkit

import java.nio.channels.ReadableByteChannel
import java.time.Duration
import java.util.Locale
import java.util.Properties
import java.util.UUID
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentLinkedQueue

import scala.collection.mutable

import org.apache.kafka.clients.admin.TopicDescription
import org.apache.kafka.clients.consumer.KafkaConsumer
import org.apache.kafka.clients.producer.KafkaProducer
import org.apache.kafka.common.IsolationLevel
import org.apache.kafka.common.Uuid
import org.apache.kafka.common.errors.TimeoutException
import org.apache.kafka.common.serialization.ByteArrayDeserializer
import org.apache.kafka.common.serialization.ByteArraySerializer

/** One Kafka cluster and the helper's clients of it. They are made when they are first needed, kept
  * while they are sound, and closed together with it.
  *
  * @param access
  *   how clients reach it: bootstrap servers, security. The settings below take precedence
  */
private[testkit] final class Cluster(access: Map[String, String]) extends AutoCloseable {
  import Cluster._

  private val readers = new Pool[Reader]
  private val senders = new Pool[Sender]
  private val lent = ConcurrentHashMap.newKeySet[Client]
  private val leftOpen = new ConcurrentLinkedQueue[String]
  @volatile private var isClosed = false

  lazy val admin: TopicAdmin = new TopicAdmin(
    settings(
      "request.timeout.ms" -> "10000",
      "default.api.timeout.ms" -> TopicAdmin.apiMillis.toString
    )
  )

  /** The topic as it is now: see [[TopicAdmin.describe]]. */
  def describe(topic: String): TopicDescription = {
    val description = admin.describe(topic)
    endLeftOpen()
    description
  }

  /** Sends an Arrow stream: see [[BulkProducer]]. Each send has its own producer, because one may
    * wait for another, for example if a generator of messages sends some itself.
    */
  def send(topic: String, transactional: Boolean, in: ReadableByteChannel): BulkProducer.Report = {
    val before = admin.lookUp(topic)
    endLeftOpen()
    try
      lending(senders, senderFor(topic, before, transactional)) { sender =>
        sender.prepare()
        val sending = new BulkProducer(sender.producer, topic, transactional)
        sending.findTopic()
        // if the topic is gone since it was found, its id is unknown, and no topic has that one
        val topicId = before.orElse(admin.lookUp(topic)).fold(Uuid.ZERO_UUID)(_.topicId)
        sender.note(topic, topicId)
        val report =
          try sending.run(in)
          finally if (sending.isLeftOpen) sender.transactionalId.foreach(leftOpen.add)
        if (report.isComplete && report.sent > 0) sender.transactionalId.foreach(admin.awaitVisible)
        // after a failure an idempotent producer may be past repair
        val result =
          if (report.isComplete) report else report.copy(change = change(topic, topicId, report))
        (result, report.isComplete)
      }
    catch { case late: TimeoutException => throw unheard(topic, late) }
  }

  /** A sender of this kind, an idle one if its knowledge of the topic is up to date. */
  private def senderFor(
      topic: String,
      known: Option[TopicDescription],
      transactional: Boolean
  ): Sender =
    senders.take(_.transactionalId.isDefined == transactional) match {
      case Some(idle) if isUpToDate(idle, topic, known) => idle
      case Some(stale) => stale.close(); newSender(transactional)
      case None => newSender(transactional)
    }

  /** Whether a sender may be used again. Nobody else would close it if the broker does not say. */
  private def isUpToDate(idle: Sender, topic: String, known: Option[TopicDescription]): Boolean =
    try known.fold(!idle.hasSentTo(topic))(idle.knows)
    catch { case thrown: Throwable => idle.close(); throw thrown }

  /** Why the broker sent a producer nothing in time. */
  private def unheard(topic: String, late: TimeoutException): Failure =
    admin.lookUp(topic, lookMillis) match {
      case Some(_) => Failure.brokerUnreachable(access.getOrElse("bootstrap.servers", ""), late)
      case None => Failure.unknownTopic(topic, Some(late))
    }

  /** What happened to the topic during a send that did not go through. If the broker is silent, or
    * this was closed, that has been reported already.
    */
  private def change(topic: String, topicId: Uuid, report: BulkProducer.Report): Option[String] =
    try
      admin.lookUp(topic, lookMillis) match {
        case None => Some("deleted")
        case Some(now) if now.topicId != topicId => Some("recreated")
        case _ => if (report.startedOver) Some("truncated") else None
      }
    catch { case Failure.Silence(_) | (_: IllegalStateException) => None }

  /** Ends the transactions that the broker could not be asked to end. Otherwise they hold up reads
    * until the broker ends them itself.
    */
  private def endLeftOpen(): Unit = {
    val ids = Iterator.continually(leftOpen.poll()).takeWhile(_ != null).toList
    ids.foreach { id =>
      val sender = newSender(Some(id))
      try sender.prepare()
      catch { case _: TimeoutException => leftOpen.add(id); () }
      finally sender.close()
    }
  }

  /** Lends a consumer to one user, without partitions. Its connection and metadata are warm from
    * the last read.
    */
  def withConsumer[A](isolation: IsolationLevel)(use: Consumer => A): A = {
    val idle = readers.take(_.isolation == isolation)
    val reader = idle.getOrElse(new Reader(newConsumer(isolation, readWaitMillis), isolation))
    lending(readers, reader) { reader =>
      val result = use(reader.consumer)
      reader.consumer.unsubscribe()
      (result, true)
    }
  }

  /** Lends a client of a pool, and closes it unless it is sound at the end. */
  private def lending[A <: Client, B](pool: Pool[A], client: A)(use: A => (B, Boolean)): B = {
    lent.add(client)
    if (isClosed) client.interrupt()
    var isSound = false
    try {
      val (result, soundness) = use(client)
      isSound = soundness
      result
    } finally {
      lent.remove(client)
      if (isSound) pool.giveBack(client) else client.close()
    }
  }

  /** Lends a consumer whose fetches wait for records, and closes it. */
  def withFollower[A](isolation: IsolationLevel)(use: Consumer => A): A = {
    val reader = new Reader(newConsumer(isolation, followWaitMillis), isolation)
    lending(readers, reader)(reader => (use(reader.consumer), false))
  }

  /** Also ends what is under way: sends with a report, reads with an error. */
  override def close(): Unit = {
    isClosed = true
    lent.forEach(_.interrupt())
    senders.close()
    readers.close()
    admin.close()
  }

  private def newSender(transactional: Boolean): Sender = newSender(
    if (transactional) Some(s"spark-kafka-testkit-${UUID.randomUUID()}") else None
  )

  private def newSender(transactionalId: Option[String]): Sender = {
    val properties = settings(
      "acks" -> "all",
      "enable.idempotence" -> "true",
      // full batches in a bulk send. A small one does not wait, because it ends with a flush
      "linger.ms" -> "20",
      "batch.size" -> batchBytes.toString,
      "buffer.memory" -> (largest + (1 << 20)).toString,
      // the system's own size, which grows. Kafka's default throttles loopback
      "send.buffer.bytes" -> "-1",
      // let the topic decide what is too large
      "max.request.size" -> largest.toString,
      "max.block.ms" -> "10000",
      "request.timeout.ms" -> "10000",
      // how much time a dead broker costs a send
      "delivery.timeout.ms" -> deliveryMillis.toString
    )
    transactionalId.foreach { id =>
      properties.put("transactional.id", id)
      properties.put("transaction.timeout.ms", transactionMillis.toString)
    }
    new Sender(
      new KafkaProducer(properties, new ByteArraySerializer, new ByteArraySerializer),
      transactionalId
    )
  }

  private def newConsumer(isolation: IsolationLevel, waitMillis: Int): Consumer = new KafkaConsumer(
    settings(
      "isolation.level" -> isolation.toString.toLowerCase(Locale.ROOT),
      "auto.offset.reset" -> "none",
      "enable.auto.commit" -> "false",
      "allow.auto.create.topics" -> "false",
      "fetch.max.wait.ms" -> waitMillis.toString,
      // as for send.buffer.bytes
      "receive.buffer.bytes" -> "-1",
      // with this and the next, a long read holds little in comparison with the heap
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

  /** The size in bytes of the largest record that a producer takes. */
  val largest: Int = 100 << 20
  val atOnce: Duration = Duration.ZERO
  val deliveryMillis = 12000L

  // At the end of every poll a consumer leaves a fetch behind. At the end of a topic the broker
  // holds that fetch for this long, in the way of the next read. A follower wants exactly that: the
  // fetch is answered when a record is committed.
  private val readWaitMillis = 1
  private val followWaitMillis = 500

  // the most that brokers allow by default
  private val transactionMillis = 900000

  private val lookMillis = 2000

  private trait Client extends AutoCloseable {

    /** Makes whoever uses it now fail at once. Any thread may call it. */
    def interrupt(): Unit
  }

  private final class Sender(val producer: Producer, val transactionalId: Option[String])
      extends Client {
    private val ids = mutable.Map.empty[String, Uuid]
    private var isPrepared = transactionalId.isEmpty

    /** Ends what its transactional id has left open, unless that was done before. */
    def prepare(): Unit = if (!isPrepared) {
      producer.initTransactions()
      isPrepared = true
    }

    /** Whether the producer's knowledge of the topic is up to date. It may take minutes to learn
      * about added partitions. In another topic of the same name it would go on with the numbers of
      * its batches.
      */
    def knows(topic: TopicDescription): Boolean =
      ids.get(topic.name).forall(_ == topic.topicId) &&
        topic.partitions.size == producer.partitionsFor(topic.name).size

    def hasSentTo(topic: String): Boolean = ids.contains(topic)

    /** Notes the id of the topic that it sends to. */
    def note(topic: String, topicId: Uuid): Unit = ids(topic) = topicId

    override def interrupt(): Unit = close()

    override def close(): Unit = producer.close(atOnce)
  }

  private final class Reader(val consumer: Consumer, val isolation: IsolationLevel) extends Client {
    override def interrupt(): Unit = consumer.wakeup()

    override def close(): Unit = consumer.close(atOnce)
  }
}
