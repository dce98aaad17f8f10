package sparkkafka.testkit

import java.time.Duration

import scala.collection.mutable

import org.apache.kafka.clients.admin.TopicDescription
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException
import org.apache.kafka.common.TopicPartition
import org.apache.kafka.common.errors.TimeoutException
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException
import sparkkafka.testkit.Converters._

/** Reads exact ranges of a topic's partitions, or fails and says for each partition how far it
  * came.
  *
  * A partition is done when the consumer's position has reached the target. That a record with the
  * last offset was seen is not enough, because transaction markers, aborted records and compaction
  * leave offsets without a record. Nor is a poll that came back empty, because a poll may move the
  * position and return nothing. Under read_committed the target is the high watermark as well. The
  * last stable offset would leave out what is committed above an open transaction, or was committed
  * a moment ago.
  */
private[testkit] final class TopicReader(cluster: Cluster, topic: String) {
  val description: TopicDescription = cluster.describe(topic)
  private val numbers: Set[Int] = TopicReader.numbers(description)

  /** The state of the topic at the beginning of the read: see `TopicSnapshot` in `offsets.py`. */
  def capture(millis: Seq[Long]): Map[String, Any] =
    try captureAt(millis)
    catch {
      case gone: UnknownTopicOrPartitionException => throw Failure.unknownTopic(topic, Some(gone))
    }

  private def captureAt(millis: Seq[Long]): Map[String, Any] = {
    val partitions = numbers.map(new TopicPartition(topic, _))
    val offsets = cluster.admin.offsets(partitions)
    val times = millis.map { time =>
      val found = cluster.admin.offsetsAt(time, offsets)
      time -> found.map { case (partition, offset) => partition.partition -> offset }
    }
    Map(
      "topic_id" -> TopicReader.idOf(description),
      "partitions" -> offsets.map { case (partition, at) =>
        partition.partition -> Seq(at.beginning, at.end, at.stable)
      },
      "times" -> times.toMap
    )
  }

  /** Passes every record of the plan's ranges to `writer`, for each partition in the order of
    * offsets.
    *
    * @param checkWanted
    *   fails if nobody waits for the records any more. It is called while nothing comes
    * @return
    *   what was covered, and the partitions that were added to the topic meanwhile
    */
  def run(
      plan: ReadPlan,
      writer: RecordBatches.Writer,
      checkWanted: () => Unit
  ): Map[String, Any] = {
    val progress = plan.ranges.map { case (number, wanted) =>
      new TopicPartition(topic, number) -> new Progress(wanted)
    }
    if (progress.values.exists(!_.isDone)) {
      val behind = new WriteBehind(writer)
      try {
        cluster.withConsumer(plan.isolation)(
          new Reading(plan, progress, _, behind, checkWanted).run()
        )
        behind.finish()
      } finally behind.stop()
    }
    Map(
      "coverage" -> progress.map { case (partition, at) => partition.partition -> at.toData },
      "new_partitions" -> newPartitions()
    )
  }

  /** The fetching part of one read. */
  private final class Reading(
      plan: ReadPlan,
      progress: Map[TopicPartition, Progress],
      consumer: Cluster.Consumer,
      writer: WriteBehind,
      checkWanted: () => Unit
  ) {
    private val todo = mutable.Set.empty[TopicPartition] ++= progress.collect {
      case (partition, at) if !at.isDone => partition
    }

    def run(): Unit = {
      consumer.assign(todo.asJava)
      todo.foreach(partition => consumer.seek(partition, progress(partition).position))
      val stall = new StallWatch(plan.stallMillis)
      while (todo.nonEmpty) {
        val moved = advance()
        val done = todo.filter(partition => progress(partition).isDone)
        if (done.nonEmpty) {
          consumer.pause(done.asJava)
          todo --= done
        }
        if (moved) stall.reset()
        else if (todo.nonEmpty) {
          if (stall.isTimeToLook) {
            checkWanted()
            lookAt(stall)
          }
          Thread.sleep(stall.restMillis)
        }
      }
    }

    /** Makes one poll, and returns whether a position has moved, or records were handed over. */
    private def advance(): Boolean =
      try {
        val found = consumer.poll(TopicReader.slice)
        val wanted = new WriteBehind.Batch(found.count)
        found.partitions.forEach { partition =>
          val at = progress(partition)
          found.records(partition).forEach { record =>
            if (at.accept(record.offset)) { wanted.add(record); () }
          }
        }
        if (!wanted.isEmpty) writer.add(wanted)
        // no more for now: do not hold back what there is, though its reader may take its time
        val hasRested = found.isEmpty && writer.rest()
        todo.count(partition => progress(partition).moveTo(position(partition))) > 0 || hasRested
      } catch { case _: OffsetOutOfRangeException => checkTopic(); false }

    /** The consumer's position. While it asks a new leader whether that is still valid, it does not
      * answer.
      */
    private def position(partition: TopicPartition): Long =
      try consumer.position(partition, Cluster.atOnce)
      catch { case _: TimeoutException => progress(partition).position }

    /** Looks for the reason why no position has moved for a while. Fails if the reason is final, or
      * when the time is up. Otherwise the read goes on waiting.
      */
    private def lookAt(stall: StallWatch): Unit = {
      val now = checkTopic()
      if (stall.isOver) throw now.fold(silence => silence, timeout(_))
    }

    private def timeout(now: Map[TopicPartition, PartitionOffsets]): Failure = {
      val producers = cluster.admin.openProducers(todo.toSeq)
      val partitions = todo.toSeq.sortBy(_.partition).map { partition =>
        Failure.PartitionState(
          partition.partition,
          progress(partition).position,
          progress(partition).target,
          now(partition).stable,
          producers.getOrElse(partition, Nil)
        )
      }
      Failure.readTimeout(topic, plan.stallMillis / 1000.0, partitions)
    }

    /** Fails if the topic is not what it was. Returns the offsets of its partitions, or the
      * broker's silence while it does not answer (a leader may be changing, the topic may be
      * going).
      */
    private def checkTopic(): Either[Failure, Map[TopicPartition, PartitionOffsets]] =
      try {
        checkSame(cluster.admin.lookUp(topic).getOrElse(throw changed("deleted")))
        val now = cluster.admin.offsets(todo.toSeq, TopicReader.lookMillis)
        todo.foreach(partition => checkPartition(partition, now(partition)))
        Right(now)
      } catch {
        case Failure.Silence(silence) => Left(silence)
        case _: UnknownTopicOrPartitionException => throw changed("deleted")
      }

    private def checkPartition(partition: TopicPartition, now: PartitionOffsets): Unit = {
      val at = progress(partition)
      if (now.end < at.target) throw changed("truncated")
      if (now.beginning > at.position) {
        if (!plan.allowDeleted)
          throw Failure.recordsDeleted(topic, partition.partition, at.position, now.beginning)
        at.skipTo(now.beginning)
        consumer.seek(partition, now.beginning)
      }
    }
  }

  /** Empty, without an error, if the broker does not answer: everything that was wanted has been
    * read.
    */
  private def newPartitions(): Seq[Int] =
    try
      cluster.admin.lookUp(topic).toSeq.flatMap { current =>
        checkSame(current)
        (TopicReader.numbers(current) -- numbers).toSeq.sorted
      }
    catch { case Failure.Silence(_) => Nil }

  private def checkSame(current: TopicDescription): Unit =
    if (current.topicId != description.topicId) throw changed("recreated")

  private def changed(what: String): Failure = Failure.topicChanged(topic, what)
}

private[testkit] object TopicReader {
  private val slice = Duration.ofMillis(10)
  private val lookMillis = 2000

  def numbers(description: TopicDescription): Set[Int] =
    description.partitions.asScala.map(_.partition).toSet

  /** In the usual form of a UUID, which kafka-python uses too. */
  private def idOf(description: TopicDescription): String = {
    val id = description.topicId
    new java.util.UUID(id.getMostSignificantBits, id.getLeastSignificantBits).toString
  }
}
