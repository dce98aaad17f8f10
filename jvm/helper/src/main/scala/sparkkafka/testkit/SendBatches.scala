package sparkkafka.testkit

import java.nio.ByteBuffer
import java.nio.channels.ReadableByteChannel
import java.nio.charset.StandardCharsets.UTF_8
import java.util.ArrayList

import org.apache.arrow.memory.RootAllocator
import org.apache.arrow.vector.BigIntVector
import org.apache.arrow.vector.IntVector
import org.apache.arrow.vector.VarBinaryVector
import org.apache.arrow.vector.VarCharVector
import org.apache.arrow.vector.VectorSchemaRoot
import org.apache.arrow.vector.complex.ListVector
import org.apache.arrow.vector.complex.StructVector
import org.apache.arrow.vector.ipc.ArrowStreamReader
import org.apache.kafka.clients.producer.ProducerRecord
import org.apache.kafka.common.header.Header
import org.apache.kafka.common.header.internals.RecordHeader

/** The Arrow stream of a send, as records for the producer. Its twin is `_arrow/encode.py`. */
private[testkit] object SendBatches {
  type Out = ProducerRecord[Array[Byte], Array[Byte]]

  /** Passes the record of each row to `each`, until that returns false.
    *
    * @return
    *   whether Python said that it had sent everything. A stream that breaks off looks the same as
    *   one that ends
    */
  def foreachRecord(in: ReadableByteChannel, topic: String)(each: Out => Boolean): Boolean = {
    val allocator = new RootAllocator(Long.MaxValue)
    val reader = new ArrowStreamReader(in, allocator)
    try {
      var goesOn = true
      while (goesOn && reader.loadNextBatch()) {
        val batch = new Batch(reader.getVectorSchemaRoot, topic)
        var row = 0
        while (goesOn && row < batch.rows) {
          goesOn = each(batch.record(row))
          row += 1
        }
      }
      goesOn && isComplete(in)
    } finally {
      reader.close(false)
      allocator.close()
    }
  }

  private def isComplete(in: ReadableByteChannel): Boolean = {
    val last = ByteBuffer.allocate(1)
    in.read(last) == 1 && last.get(0) == complete
  }

  private val complete: Byte = 1

  /** One batch. The columns `partition`, `timestamp` and `headers` may be missing. */
  private final class Batch(root: VectorSchemaRoot, topic: String) {
    private val key = root.getVector("key").asInstanceOf[VarBinaryVector]
    private val value = root.getVector("value").asInstanceOf[VarBinaryVector]
    private val partition = root.getVector("partition").asInstanceOf[IntVector]
    private val timestamp = root.getVector("timestamp").asInstanceOf[BigIntVector]
    private val headers = root.getVector("headers").asInstanceOf[ListVector]

    def rows: Int = root.getRowCount

    def record(row: Int): Out =
      if (partition == null) new ProducerRecord(topic, key.get(row), value.get(row))
      else
        new ProducerRecord(
          topic,
          partition.getObject(row),
          timestamp.getObject(row),
          key.get(row),
          value.get(row),
          headersOf(row)
        )

    private def headersOf(row: Int): ArrayList[Header] = {
      val found = new ArrayList[Header]
      if (!headers.isNull(row)) {
        val items = headers.getDataVector.asInstanceOf[StructVector]
        val names = items.getChild("key").asInstanceOf[VarCharVector]
        val values = items.getChild("value").asInstanceOf[VarBinaryVector]
        var at = headers.getElementStartIndex(row)
        while (at < headers.getElementEndIndex(row)) {
          found.add(new RecordHeader(new String(names.get(at), UTF_8), values.get(at)))
          at += 1
        }
      }
      found
    }
  }
}
