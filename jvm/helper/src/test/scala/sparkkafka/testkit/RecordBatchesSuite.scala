package sparkkafka.testkit

import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.nio.channels.Channels
import java.util.concurrent.Callable
import java.util.concurrent.Executors

import munit.FunSuite
import org.apache.arrow.memory.RootAllocator
import org.apache.arrow.vector.ipc.ArrowStreamReader
import org.apache.kafka.clients.consumer.ConsumerRecord
import sparkkafka.testkit.Converters._

class RecordBatchesSuite extends FunSuite {
  private val record =
    new ConsumerRecord("topic", 0, 7L, "key".getBytes, "value".getBytes)

  /** An empty batch, then one with a record, then an empty one. */
  private def written(): Array[Byte] = {
    val bytes = new ByteArrayOutputStream
    val writer = new RecordBatches.Writer(new GatheringChannel(Channels.newChannel(bytes)))
    writer.beat()
    writer.add(record)
    writer.beat()
    writer.beat()
    writer.close()
    bytes.toByteArray
  }

  private def rowCounts(stream: Array[Byte]): Seq[Int] = {
    val allocator = new RootAllocator(Long.MaxValue)
    val reader = new ArrowStreamReader(new ByteArrayInputStream(stream), allocator)
    try
      Iterator
        .continually(reader.loadNextBatch())
        .takeWhile(identity)
        .map(_ => reader.getVectorSchemaRoot.getRowCount)
        .toList
    finally {
      reader.close()
      allocator.close()
    }
  }

  test("streams that are written side by side do not touch one another") {
    val alone = written()
    assertEquals(rowCounts(alone), Seq(0, 1, 0))
    val threads = Executors.newFixedThreadPool(4)
    try {
      val task: Callable[Int] = () => (1 to 2000).count(_ => !written().sameElements(alone))
      val differing = threads.invokeAll(Seq.fill(4)(task).asJava).asScala.map(_.get)
      assertEquals(differing.toSeq, Seq(0, 0, 0, 0))
    } finally threads.shutdown()
  }
}
