package sparkkafka.testkit

import java.io.ByteArrayOutputStream
import java.nio.ByteBuffer
import java.nio.channels.WritableByteChannel

import scala.util.Random

import munit.FunSuite

class GatheringChannelSuite extends FunSuite {

  /** Accepts only a few bytes of each write, as a socket may. */
  private final class Narrow(atOnce: Int) extends WritableByteChannel {
    val taken = new ByteArrayOutputStream
    var writes = 0
    private var isOpenNow = true

    override def write(source: ByteBuffer): Int = {
      writes += 1
      val bytes = new Array[Byte](source.remaining.min(atOnce))
      source.get(bytes)
      taken.write(bytes)
      bytes.length
    }

    override def isOpen: Boolean = isOpenNow
    override def close(): Unit = isOpenNow = false
  }

  private def bytes(size: Int, seed: Int = 1): Array[Byte] = {
    val content = new Array[Byte](size)
    new Random(seed).nextBytes(content)
    content
  }

  test("small writes go together, when they are flushed") {
    val to = new Narrow(Int.MaxValue)
    val channel = new GatheringChannel(to)
    (1 to 100).foreach(i => channel.write(ByteBuffer.wrap(Array(i.toByte))))
    assertEquals(to.writes, 0)
    channel.flush()
    assertEquals(to.writes, 1)
    assertEquals(to.taken.toByteArray.toSeq, (1 to 100).map(_.toByte))
  }

  test("every byte arrives once and in its order, whatever the sizes are") {
    val to = new Narrow(1000)
    val channel = new GatheringChannel(to)
    val sizes = Seq(1, 65535, 1, 65536, 65537, 0, 200000, 3, 65530, 10, 7)
    val parts = sizes.zipWithIndex.map { case (size, i) => bytes(size, i) }
    parts.foreach(part => assertEquals(channel.write(ByteBuffer.wrap(part)), part.length))
    channel.flush()
    assertEquals(to.taken.toByteArray.toSeq, parts.flatten)
  }

  test("what is large goes out at once, behind what was held") {
    val to = new Narrow(Int.MaxValue)
    val channel = new GatheringChannel(to)
    val large = bytes(1 << 17)
    channel.write(ByteBuffer.wrap(Array[Byte](42)))
    channel.write(ByteBuffer.wrap(large))
    assertEquals(to.taken.toByteArray.toSeq, 42.toByte +: large.toSeq)
  }

  test("a source is used up, and may be used again") {
    val to = new Narrow(Int.MaxValue)
    val channel = new GatheringChannel(to)
    val source = ByteBuffer.wrap(bytes(8))
    channel.write(source)
    assertEquals(source.remaining, 0)
    source.put(0, 99.toByte)
    channel.flush()
    assertEquals(to.taken.toByteArray.toSeq, bytes(8).toSeq)
  }

  test("a second flush sends nothing twice") {
    val to = new Narrow(Int.MaxValue)
    val channel = new GatheringChannel(to)
    channel.write(ByteBuffer.wrap(bytes(8)))
    channel.flush()
    channel.flush()
    assertEquals(to.taken.size, 8)
  }

  test("it is open as long as the channel below is") {
    val to = new Narrow(1)
    val channel = new GatheringChannel(to)
    assert(channel.isOpen)
    channel.close()
    assert(!channel.isOpen)
    assert(!to.isOpen)
  }
}
