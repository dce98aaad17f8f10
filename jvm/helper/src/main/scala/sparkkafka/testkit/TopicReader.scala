package sparkkafka.testkit

import java.time.Duration

import scala.collection.mutable

import org.apache.kafka.clients.admin.TopicDescription
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException
import org.apache.kafka.common.IsolationLevel
import org.apache.kafka.common.TopicPartition
import sparkkafka.testkit.Converters._

/** Reads a topic from its beginning up to the end offsets it had when the read began: exactly that
  * range, or a failure that says per partition how far it came.
  *
  * A partition is done when the consumer's position has reached the target, not when a record with
  * the last offset was seen (transaction markers, aborted records and compaction leave offsets
  * without a record) and not when a poll came back empty (a poll may move the position and return
  * nothing). Under read_committed the target is the high watermark as well: the last stable offset
  * would leave out what is committed above an open transaction, or committed a moment ago.
  *
  * @param stallMillis
  *   how long no position may move before the read fails; a wait for an open transaction counts as
  *   well
  */
private[testkit] final class TopicReader(
    cluster: Cluster,
    topic: String,
    isolation: IsolationLevel,
    stallMillis: Long
) {
  private val description: TopicDescription = cluster.describe(topic)
  private val offsets: Map[TopicPartition, PartitionOffsets] =
    cluster.offsets(
      description.partitions.asScala.map(info => new TopicPartition(topic, info.partition))
    )
  private val coverage: Map[TopicPartition, Coverage] =
    offsets.map { case (partition, at) => partition -> new Coverage(at.beginning, at.end) }

  /** The range that is going to be read, per partition. */
  def ranges: Map[Int, Seq[Long]] = offsets.map { case (partition, at) =>
    partition.partition -> Seq(at.beginning, at.end)
  }

  /** Gives every record of the range to `writer`, per partition in the order of offsets. */
  def run(writer: RecordBatches.Writer): Map[Int, Coverage] = {
    val todo = mutable.Set.empty[TopicPartition] ++= coverage.collect {
      case (partition, at) if !at.isDone => partition
    }
    if (todo.nonEmpty) cluster.withConsumer(isolation)(read(_, todo, writer))
    coverage.map { case (partition, at) => partition.partition -> at }
  }

  private def read(
      consumer: Cluster.Consumer,
      todo: mutable.Set[TopicPartition],
      writer: RecordBatches.Writer
  ): Unit = {
    consumer.assign(todo.asJava)
    todo.foreach(partition => consumer.seek(partition, coverage(partition).position))
    val stall = new Stall(stallMillis)
    while (todo.nonEmpty) {
      poll(consumer, todo, writer)
      val moved =
        todo.count(partition => coverage(partition).moveTo(consumer.position(partition))) > 0
      val done = todo.filter(partition => coverage(partition).isDone)
      if (done.nonEmpty) {
        consumer.pause(done.asJava)
        todo --= done
      }
      if (moved) stall.reset()
      else if (todo.nonEmpty && stall.isTimeToLook) lookAt(todo, stall)
    }
  }

  private def poll(
      consumer: Cluster.Consumer,
      todo: mutable.Set[TopicPartition],
      writer: RecordBatches.Writer
  ): Unit =
    try
      consumer.poll(TopicReader.slice).forEach { record =>
        val partition = new TopicPartition(record.topic, record.partition)
        if (coverage(partition).accept(record.offset)) writer.add(record)
      }
    catch { case _: OffsetOutOfRangeException => checkStill(todo); () }

  /** No position has moved for a while: says why where that is final, else lets the read wait until
    * its time is up.
    */
  private def lookAt(todo: mutable.Set[TopicPartition], stall: Stall): Unit = {
    val now = checkStill(todo)
    if (stall.isOver) throw now.fold(silence => silence, timeout(todo, _))
  }

  private def timeout(
      todo: mutable.Set[TopicPartition],
      now: Map[TopicPartition, PartitionOffsets]
  ): Failure = {
    val partitions = todo.toSeq.sortBy(_.partition).map { partition =>
      Map[String, Any](
        "partition" -> partition.partition,
        "position" -> coverage(partition).position,
        "target" -> coverage(partition).target,
        "stable" -> now(partition).stable
      )
    }
    new Failure(
      Failure.ReadTimeout,
      Map("topic" -> topic, "seconds" -> stallMillis / 1000.0, "partitions" -> partitions)
    )
  }

  /** Where the partitions stand now; or, while the broker does not say (a leader may be changing,
    * the topic may be going), its silence.
    */
  private def checkStill(
      todo: mutable.Set[TopicPartition]
  ): Either[Failure, Map[TopicPartition, PartitionOffsets]] =
    try {
      val current = cluster.lookUp(topic).getOrElse(throw changed("deleted"))
      if (current.topicId != description.topicId) throw changed("recreated")
      val now = cluster.offsets(todo.toSeq, TopicReader.lookMillis)
      todo.foreach(partition => checkStill(partition, now(partition)))
      Right(now)
    } catch { case silence: Failure if silence.code == Failure.BrokerUnreachable => Left(silence) }

  private def checkStill(partition: TopicPartition, now: PartitionOffsets): Unit = {
    val at = coverage(partition)
    if (now.end < at.target) throw changed("truncated")
    if (now.beginning > at.position)
      throw new Failure(
        Failure.RecordsDeleted,
        Map(
          "topic" -> topic,
          "partition" -> partition.partition,
          "start" -> at.position,
          "end" -> now.beginning
        )
      )
  }

  private def changed(what: String): Failure =
    new Failure(Failure.TopicChanged, Map("topic" -> topic, "change" -> what))
}

private[testkit] object TopicReader {
  private val slice = Duration.ofMillis(100)
  private val lookMillis = 2000
}
