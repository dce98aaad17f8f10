package sparkkafka.testkit

import java.nio.ByteBuffer
import java.nio.channels.WritableByteChannel

/** Gathers small writes, because an Arrow batch consists of dozens of writes of a few bytes. Large
  * ones go straight from where they are to the socket.
  */
private[testkit] final class GatheringChannel(to: WritableByteChannel) extends WritableByteChannel {
  private val held = ByteBuffer.allocateDirect(1 << 16)

  override def write(source: ByteBuffer): Int = {
    val size = source.remaining
    if (size > held.remaining) flush()
    if (size > held.capacity) writeAll(source) else held.put(source)
    size
  }

  def flush(): Unit = {
    held.flip()
    writeAll(held)
    held.clear()
    ()
  }

  override def isOpen: Boolean = to.isOpen

  override def close(): Unit = to.close()

  private def writeAll(source: ByteBuffer): Unit = while (source.hasRemaining) to.write(source)
}
