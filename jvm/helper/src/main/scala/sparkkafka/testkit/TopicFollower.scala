package sparkkafka.testkit

import java.time.Duration

import org.apache.kafka.clients.admin.TopicDescription
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException
import org.apache.kafka.common.TopicPartition
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException
import sparkkafka.testkit.Converters._

/** Passes on a topic's records as they come, from given offsets on, until the other side goes away
  * or they are not available any more.
  *
  * @param described
  *   the topic when the offsets were captured
  * @param plan
  *   only the starts of its ranges count. A partition that is added later is followed from its
  *   beginning
  */
private[testkit] final class TopicFollower(
    cluster: Cluster,
    described: TopicDescription,
    plan: ReadPlan
) {
  private val topic = described.name
  private var known = TopicReader.numbers(described)

  /** Passes records to `writer` within milliseconds, and an empty batch if none has come for a
    * while. It ends only by throwing.
    */
  def run(writer: RecordBatches.Writer): Unit = cluster.withFollower(plan.isolation) { consumer =>
    consumer.assign(plan.ranges.keys.map(new TopicPartition(topic, _)).toSeq.asJava)
    plan.ranges.foreach { case (number, wanted) =>
      consumer.seek(new TopicPartition(topic, number), wanted.start)
    }
    val stall = new StallWatch(Long.MaxValue)
    while (true) {
      val count = poll(consumer, writer)
      writer.beat()
      if (count > 0) stall.reset() else if (stall.isTimeToLook) look(consumer)
    }
  }

  private def poll(consumer: Cluster.Consumer, writer: RecordBatches.Writer): Int =
    try {
      val records = consumer.poll(TopicFollower.heartbeat)
      records.forEach(writer.add(_))
      records.count
    } catch {
      case outOfRange: OffsetOutOfRangeException =>
        look(consumer) // it may be another topic by now
        outOfRange.offsetOutOfRangePartitions.forEach { (partition, position) =>
          checkPartition(partition, position)
        }
        0
    }

  /** Checks the topic after a quiet while. It may be another topic by now, or have more partitions.
    */
  private def look(consumer: Cluster.Consumer): Unit =
    try {
      val current = cluster.admin.lookUp(topic).getOrElse(throw changed("deleted"))
      if (current.topicId != described.topicId) throw changed("recreated")
      val added = (TopicReader.numbers(current) -- known).map(new TopicPartition(topic, _))
      if (added.nonEmpty) {
        known ++= added.map(_.partition)
        consumer.assign((consumer.assignment.asScala ++ added).toSeq.asJava)
        consumer.seekToBeginning(added.toSeq.asJava)
      }
    } catch { case Failure.Silence(_) => () }

  private def checkPartition(partition: TopicPartition, position: Long): Unit = {
    val now =
      try cluster.admin.offsets(Seq(partition))(partition)
      catch { case _: UnknownTopicOrPartitionException => throw changed("deleted") }
    if (now.end < position) throw changed("truncated")
    if (now.beginning > position)
      throw Failure.recordsDeleted(topic, partition.partition, position, now.beginning)
  }

  private def changed(what: String): Failure = Failure.topicChanged(topic, what)
}

private[testkit] object TopicFollower {
  private val heartbeat = Duration.ofMillis(100)
}
