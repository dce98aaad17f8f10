package sparkkafka.testkit

import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.channels.WritableByteChannel
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicInteger

import scala.collection.mutable

import munit.FunSuite
import org.apache.arrow.memory.RootAllocator
import org.apache.arrow.vector.BigIntVector
import org.apache.arrow.vector.ipc.ArrowStreamReader
import org.apache.kafka.clients.consumer.ConsumerRecord

class WriteBehindSuite extends FunSuite {

  /** Python's end, which may be slow to read, and may go away. */
  private final class Reader extends WritableByteChannel {
    private val taken = new ByteArrayOutputStream
    private val reads = new CountDownLatch(1)
    private var failure: Option[IOException] = None
    val asked = new CountDownLatch(1)

    override def write(source: ByteBuffer): Int = {
      asked.countDown()
      reads.await()
      synchronized {
        failure.foreach(thrown => throw thrown)
        val bytes = new Array[Byte](source.remaining)
        source.get(bytes)
        taken.write(bytes)
        notifyAll()
        bytes.length
      }
    }

    def begin(): this.type = { reads.countDown(); this }

    def goAway(thrown: IOException): Unit = {
      synchronized { failure = Some(thrown) }
      reads.countDown()
    }

    /** Waits until this many bytes have come. */
    def awaitBytes(count: Int): Unit = synchronized { while (taken.size < count) wait() }

    def size: Int = synchronized(taken.size)

    /** The offsets of everything that came. */
    def offsets: Seq[Long] = {
      val allocator = new RootAllocator(Long.MaxValue)
      val stream =
        new ArrowStreamReader(new ByteArrayInputStream(synchronized(taken.toByteArray)), allocator)
      val found = mutable.ArrayBuffer.empty[Long]
      try
        while (stream.loadNextBatch()) {
          val column = stream.getVectorSchemaRoot.getVector("offset").asInstanceOf[BigIntVector]
          (0 until column.getValueCount).foreach(row => found += column.get(row))
        }
      finally {
        stream.close()
        allocator.close()
      }
      found.toSeq
    }

    override def isOpen: Boolean = true
    override def close(): Unit = ()
  }

  /** More than the helper gathers, so it is written at once. */
  private val large = 3 << 20

  private def batch(offsets: Seq[Long], size: Int = 8): WriteBehind.Batch = {
    val records = new WriteBehind.Batch(offsets.size)
    offsets.foreach { offset =>
      records.add(new ConsumerRecord("t", 0, offset, null, new Array[Byte](size)))
    }
    records
  }

  /** The way a read uses it, to the end of the stream. */
  private def write(reader: Reader)(use: WriteBehind => Unit): Seq[Long] = {
    val writer = new RecordBatches.Writer(new GatheringChannel(reader))
    val behind = new WriteBehind(writer)
    try {
      use(behind)
      behind.finish()
    } finally behind.stop()
    writer.close()
    reader.offsets
  }

  test("without a batch nothing is written") {
    assertEquals(write((new Reader).begin())(_ => ()), Nil)
  }

  test("one batch is written whole") {
    assertEquals(write((new Reader).begin())(_.add(batch(0L until 10L))), 0L until 10L)
  }

  test("many batches are written in their order") {
    val offsets = write((new Reader).begin()) { behind =>
      (0L until 500L by 10L).foreach(start => behind.add(batch(start until start + 10)))
    }
    assertEquals(offsets, 0L until 500L)
  }

  test("a rest sends on what there is, after the first batch") {
    val reader = (new Reader).begin()
    val offsets = write(reader) { behind =>
      behind.add(batch(Seq(0L)))
      val before = reader.size
      behind.rest()
      assert(reader.size > before)
      behind.add(batch(Seq(1L)))
    }
    assertEquals(offsets, Seq(0L, 1L))
  }

  test("a rest sends on what there is, while another thread writes") {
    val reader = (new Reader).begin()
    val offsets = write(reader) { behind =>
      (0L until 3L).foreach(offset => behind.add(batch(Seq(offset))))
      val before = reader.size
      behind.rest()
      reader.awaitBytes(before + 1)
      (3L until 6L).foreach(offset => behind.add(batch(Seq(offset))))
    }
    assertEquals(offsets, 0L until 6L)
  }

  test("rests with nothing new write nothing") {
    val reader = (new Reader).begin()
    val offsets = write(reader) { behind =>
      behind.rest()
      behind.add(batch(Seq(0L)))
      behind.rest()
      val before = reader.size
      behind.rest()
      assertEquals(reader.size, before)
    }
    assertEquals(offsets, Seq(0L))
  }

  test("a reader that is slow holds up whoever adds, and loses nothing") {
    val reader = new Reader
    val added = new AtomicInteger
    val result = new Array[Seq[Long]](1)
    val adding = new Thread(() =>
      result(0) = write(reader) { behind =>
        (0L until 20L).foreach { offset =>
          behind.add(batch(Seq(offset), large))
          added.incrementAndGet()
        }
      }
    )
    adding.start()
    reader.asked.await()
    while (adding.getState != Thread.State.TIMED_WAITING) Thread.onSpinWait()
    assert(added.get <= 4, s"${added.get} batches are held")
    reader.begin()
    adding.join()
    assertEquals(result(0), 0L until 20L)
  }

  test("what fails the writing fails whoever adds or finishes, and all after it") {
    val gone = new IOException("Python has gone")
    val reader = new Reader
    val writer = new RecordBatches.Writer(new GatheringChannel(reader))
    val behind = new WriteBehind(writer)
    reader.goAway(gone)
    val thrown = intercept[IOException] {
      (0L until 1000L).foreach(offset => behind.add(batch(Seq(offset), large)))
    }
    assertEquals(thrown, gone)
    assertEquals(intercept[IOException](behind.add(batch(Seq(1L)))), gone)
    assertEquals(intercept[IOException](behind.finish()), gone)
    behind.stop()
    intercept[IOException](writer.close())
  }

  test("to stop ends the writing, with or without an end") {
    val reader = (new Reader).begin()
    val writer = new RecordBatches.Writer(new GatheringChannel(reader))
    val behind = new WriteBehind(writer)
    (0L until 3L).foreach(offset => behind.add(batch(Seq(offset))))
    behind.stop()
    behind.stop()
    writer.close()
    assert(reader.offsets.forall((0L until 3L).contains))
  }
}
