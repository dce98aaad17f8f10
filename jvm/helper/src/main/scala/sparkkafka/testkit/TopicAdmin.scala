package sparkkafka.testkit

import java.util.Collections.singletonList
import java.util.Properties
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ExecutionException

import org.apache.kafka.clients.admin.Admin
import org.apache.kafka.clients.admin.DescribeTopicsOptions
import org.apache.kafka.clients.admin.ListOffsetsOptions
import org.apache.kafka.clients.admin.OffsetSpec
import org.apache.kafka.clients.admin.TopicDescription
import org.apache.kafka.clients.admin.TransactionState
import org.apache.kafka.common.IsolationLevel
import org.apache.kafka.common.KafkaException
import org.apache.kafka.common.KafkaFuture
import org.apache.kafka.common.TopicCollection
import org.apache.kafka.common.TopicPartition
import org.apache.kafka.common.Uuid
import org.apache.kafka.common.errors.InvalidTopicException
import org.apache.kafka.common.errors.TimeoutException
import org.apache.kafka.common.errors.UnknownTopicIdException
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException
import org.apache.kafka.common.errors.UnsupportedVersionException
import sparkkafka.testkit.Converters._

/** What the brokers say about topics and transactions, through one admin client. */
private[testkit] final class TopicAdmin(settings: Properties) extends AutoCloseable {
  import TopicAdmin._

  private val admin: Admin = Admin.create(settings)
  @volatile private var isClosed = false
  private val ids = new ConcurrentHashMap[String, Uuid]

  /** The topic's partitions and id. A topic created a moment ago may not be known yet, so the
    * broker is asked for a while.
    */
  def describe(topic: String): TopicDescription = {
    val deadline = RunningClock.nanos + unknownTopicMillis * 1000000L
    def attempt(): TopicDescription =
      lookUp(topic) match {
        case Some(description) => description
        case None if RunningClock.nanos >= deadline => throw Failure.unknownTopic(topic)
        case None =>
          Thread.sleep(unknownTopicPauseMillis)
          attempt()
      }
    attempt()
  }

  def lookUp(topic: String): Option[TopicDescription] = whileRunning(lookUp(topic, apiMillis))

  /** The same, or a failure if nothing has answered within the time. */
  def lookUp(topic: String, timeoutMillis: Int): Option[TopicDescription] = {
    val options = new DescribeTopicsOptions().timeoutMs(timeoutMillis)
    byKnownId(topic, options).orElse {
      try {
        val asked = admin.describeTopics(singletonList(topic), options)
        val found = await(asked.allTopicNames).get(topic)
        if (found.topicId != Uuid.ZERO_UUID) ids.put(topic, found.topicId)
        Some(found)
      } catch { case _: UnknownTopicOrPartitionException | _: InvalidTopicException => None }
    }
  }

  /** Describes a topic by its id, which takes one request, while the name takes two. An id belongs
    * to one topic only, and no topic changes its name.
    */
  private def byKnownId(
      topic: String,
      options: DescribeTopicsOptions
  ): Option[TopicDescription] =
    Option(ids.get(topic)).flatMap { id =>
      val wanted = TopicCollection.ofTopicIds(singletonList(id))
      try Some(await(admin.describeTopics(wanted, options).allTopicIds).get(id))
      catch {
        // "Invalid topic" is how kafka-clients 3.4 of Spark 3.5 report one that does not exist. An
        // illegal state is how all versions report an answer without an id, for a topic that is
        // just going.
        case _: UnknownTopicIdException | _: InvalidTopicException | _: IllegalStateException |
            _: UnsupportedVersionException =>
          ids.remove(topic, id)
          None
      }
    }

  /** Beginning offset, end offset (the high watermark) and last stable offset of each partition.
    * Fails with an UnknownTopicOrPartitionException if one does not exist.
    */
  def offsets(partitions: Iterable[TopicPartition]): Map[TopicPartition, PartitionOffsets] =
    inTries(offsets(partitions, _))

  /** The same, or a failure if a leader has not answered within the time. */
  def offsets(
      partitions: Iterable[TopicPartition],
      timeoutMillis: Int
  ): Map[TopicPartition, PartitionOffsets] = {
    def list(spec: OffsetSpec, isolation: IsolationLevel) = {
      val options = new ListOffsetsOptions(isolation).timeoutMs(timeoutMillis)
      admin.listOffsets(partitions.map(_ -> spec).toMap.asJava, options).all
    }
    val beginning = list(OffsetSpec.earliest, IsolationLevel.READ_UNCOMMITTED)
    val end = list(OffsetSpec.latest, IsolationLevel.READ_UNCOMMITTED)
    val stable = list(OffsetSpec.latest, IsolationLevel.READ_COMMITTED)
    partitions.map { partition =>
      partition -> PartitionOffsets.of(
        await(beginning).get(partition).offset,
        await(end).get(partition).offset,
        await(stable).get(partition).offset
      )
    }.toMap
  }

  /** For each partition the first offset whose record has this time or a later one, or else the
    * end.
    *
    * @param offsets
    *   the offsets of the partitions
    */
  def offsetsAt(
      millis: Long,
      offsets: Map[TopicPartition, PartitionOffsets]
  ): Map[TopicPartition, Long] = {
    val specs = offsets.map { case (partition, _) => partition -> OffsetSpec.forTimestamp(millis) }
    val found = inTries { timeoutMillis =>
      await(admin.listOffsets(specs.asJava, new ListOffsetsOptions().timeoutMs(timeoutMillis)).all)
    }
    offsets.map { case (partition, at) =>
      val offset = found.get(partition).offset
      partition -> (if (offset < 0) at.end else offset.min(at.end))
    }
  }

  /** The ids of the producers with an open transaction. Partitions that the broker does not report
    * on are left out.
    */
  def openProducers(partitions: Seq[TopicPartition]): Map[TopicPartition, Seq[Long]] = {
    val asked = admin.describeProducers(partitions.asJava)
    partitions.flatMap { partition =>
      try {
        val producers = await(asked.partitionResult(partition)).activeProducers.asScala
        val open = producers.filter(_.currentTransactionStartOffset.isPresent).map(_.producerId)
        Some(partition -> open.toSeq.sorted)
      } catch { case _: KafkaException | _: Failure => None }
    }.toMap
  }

  /** Waits until a committed transaction is visible. A broker answers a commit before it writes the
    * markers that make it visible. The wait is limited, and the helper's own reads wait for the
    * markers anyway.
    */
  def awaitVisible(transactionalId: String): Unit = {
    val deadline = System.nanoTime + visibleMillis * 1000000L
    def isVisible: Boolean =
      try {
        val asked = admin.describeTransactions(singletonList(transactionalId))
        await(asked.description(transactionalId)).state == TransactionState.COMPLETE_COMMIT
      } catch { // it is committed, and nobody can look
        case Failure.Silence(_) | (_: IllegalStateException) => true
      }
    while (!isVisible && System.nanoTime < deadline) Thread.sleep(visiblePauseMillis)
  }

  override def close(): Unit = {
    isClosed = true
    admin.close(Cluster.atOnce)
  }

  /** Repeats a request for a leader. Such a request stays with the leader that was known when it
    * was made. If that one has died, the request times out although another has been elected. So it
    * gets less time, and more tries.
    */
  private def inTries[A](request: Int => A): A = {
    val deadline = RunningClock.nanos + apiMillis * 1000000L
    def isTime: Boolean = !isClosed && RunningClock.nanos < deadline
    def attempt(): A =
      try request(tryMillis)
      catch { case Failure.Silence(_) if isTime => attempt() }
    attempt()
  }

  /** Asks again if this JVM was suspended for a while. The time was up then, although no broker was
    * silent.
    */
  private def whileRunning[A](request: => A): A = {
    val deadline = RunningClock.nanos + suspendedMillis * 1000000L
    def isEarly: Boolean = !isClosed && RunningClock.nanos < deadline
    try request
    catch { case Failure.Silence(_) if isEarly => whileRunning(request) }
  }

  private def await[A](future: KafkaFuture[A]): A =
    try future.get()
    catch {
      case failed: ExecutionException =>
        failed.getCause match {
          case timeout: TimeoutException =>
            throw Failure.brokerUnreachable(settings.getProperty("bootstrap.servers"), timeout)
          case cause => throw cause
        }
    }
}

private[testkit] object TopicAdmin {
  val apiMillis = 15000

  private val tryMillis = 4000
  private val suspendedMillis = apiMillis - 5000
  private val unknownTopicMillis = 2000L
  private val unknownTopicPauseMillis = 50L
  private val visibleMillis = 30000L
  private val visiblePauseMillis = 2L
}
