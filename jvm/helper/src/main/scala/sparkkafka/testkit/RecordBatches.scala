package sparkkafka.testkit

import java.nio.charset.StandardCharsets.UTF_8
import java.util.Arrays
import java.util.Collections

import org.apache.arrow.memory.RootAllocator
import org.apache.arrow.vector.BigIntVector
import org.apache.arrow.vector.IntVector
import org.apache.arrow.vector.TinyIntVector
import org.apache.arrow.vector.VarBinaryVector
import org.apache.arrow.vector.VarCharVector
import org.apache.arrow.vector.VectorSchemaRoot
import org.apache.arrow.vector.complex.ListVector
import org.apache.arrow.vector.complex.StructVector
import org.apache.arrow.vector.ipc.ArrowStreamWriter
import org.apache.arrow.vector.types.pojo.ArrowType
import org.apache.arrow.vector.types.pojo.Field
import org.apache.arrow.vector.types.pojo.FieldType
import org.apache.arrow.vector.types.pojo.Schema
import org.apache.kafka.clients.consumer.ConsumerRecord

/** The Arrow form of records that were read. Its twin is `_arrow/schema.py`. */
private[testkit] object RecordBatches {
  private val maxRows = 16384
  private val maxBytes = 2 << 20

  private def field(name: String, of: ArrowType, children: Field*): Field =
    new Field(name, FieldType.nullable(of), Arrays.asList(children: _*))

  private val int8 = new ArrowType.Int(8, true)
  private val int32 = new ArrowType.Int(32, true)
  private val int64 = new ArrowType.Int(64, true)
  private val header =
    field(
      "item",
      ArrowType.Struct.INSTANCE,
      field("key", ArrowType.Utf8.INSTANCE),
      field("value", ArrowType.Binary.INSTANCE)
    )

  val schema: Schema = new Schema(
    Arrays.asList(
      field("partition", int32),
      field("offset", int64),
      field("timestamp", int64),
      field("timestamp_type", int8),
      field("key", ArrowType.Binary.INSTANCE),
      field("value", ArrowType.Binary.INSTANCE),
      new Field(
        "headers",
        FieldType.nullable(ArrowType.List.INSTANCE),
        Collections.singletonList(header)
      )
    )
  )

  /** Writes records to an Arrow stream, with a batch whenever enough have come. `close` ends the
    * stream.
    */
  final class Writer(out: GatheringChannel) extends AutoCloseable {
    private val allocator = new RootAllocator(Long.MaxValue)
    private val root = VectorSchemaRoot.create(schema, allocator)
    private val stream = new ArrowStreamWriter(root, null, out)
    private val partition = root.getVector("partition").asInstanceOf[IntVector]
    private val offset = root.getVector("offset").asInstanceOf[BigIntVector]
    private val timestamp = root.getVector("timestamp").asInstanceOf[BigIntVector]
    private val timestampType = root.getVector("timestamp_type").asInstanceOf[TinyIntVector]
    private val key = root.getVector("key").asInstanceOf[VarBinaryVector]
    private val value = root.getVector("value").asInstanceOf[VarBinaryVector]
    private val headers = root.getVector("headers").asInstanceOf[ListVector]
    private val header = headers.getDataVector.asInstanceOf[StructVector]
    private val headerKey = header.getChild("key").asInstanceOf[VarCharVector]
    private val headerValue = header.getChild("value").asInstanceOf[VarBinaryVector]
    private var rows = 0
    private var bytes = 0L
    // A vector without memory shares one empty buffer with all others of the process. Arrow sets
    // the buffer's length while it writes (since 19), so two threads would spoil one another.
    root.getFieldVectors.forEach(_.allocateNew())
    stream.start()

    def add(record: ConsumerRecord[Array[Byte], Array[Byte]]): Unit = {
      partition.setSafe(rows, record.partition)
      offset.setSafe(rows, record.offset)
      timestamp.setSafe(rows, record.timestamp)
      timestampType.setSafe(rows, record.timestampType.id)
      addBytes(key, rows, record.key)
      addBytes(value, rows, record.value)
      addHeaders(record)
      rows += 1
      if (rows >= maxRows || bytes >= maxBytes) writeBatch()
    }

    private def addBytes(vector: VarBinaryVector, row: Int, content: Array[Byte]): Unit =
      if (content == null) vector.setNull(row)
      else {
        vector.setSafe(row, content)
        bytes += content.length
      }

    private def addHeaders(record: ConsumerRecord[Array[Byte], Array[Byte]]): Unit = {
      val start = headers.startNewValue(rows)
      var count = 0
      record.headers.forEach { item =>
        val row = start + count
        if (row >= header.getValueCapacity) header.reAlloc()
        header.setIndexDefined(row)
        headerKey.setSafe(row, item.key.getBytes(UTF_8))
        addBytes(headerValue, row, item.value)
        count += 1
      }
      headers.endValue(rows, count)
    }

    /** Sends what has come so far. */
    def flush(): Unit = if (rows > 0) beat()

    /** Sends what has come so far, as an empty batch if that is nothing. */
    def beat(): Unit = {
      writeBatch()
      out.flush()
    }

    private def writeBatch(): Unit = {
      root.setRowCount(rows)
      stream.writeBatch()
      root.getFieldVectors.forEach(_.reset())
      rows = 0
      bytes = 0
    }

    override def close(): Unit =
      try {
        if (rows > 0) writeBatch()
        stream.end()
        out.flush()
      } finally {
        root.close()
        allocator.close()
      }
  }
}
