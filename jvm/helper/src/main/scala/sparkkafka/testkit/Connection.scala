package sparkkafka.testkit

import java.io.EOFException
import java.net.SocketTimeoutException
import java.nio.ByteBuffer
import java.nio.channels.ReadableByteChannel
import java.nio.channels.SocketChannel
import java.nio.charset.StandardCharsets.UTF_8

import com.fasterxml.jackson.databind.JsonNode

/** The way to and from Python. Arrow streams go over `in` and `out`, with frames of JSON between
  * them. A frame is a length (four bytes, big endian) and that many bytes of UTF-8: `{"ok": ...}`
  * or `{"error": {code, data, trace}}`.
  */
private[testkit] final class Connection(socket: SocketChannel) {

  /** Without a buffer, so that Arrow reads from the socket straight into its own memory. */
  val in: ReadableByteChannel = socket
  val out: GatheringChannel = new GatheringChannel(socket)

  def sendResult(result: Any): Unit = sendFrame(Map("ok" -> result))

  def sendFailure(thrown: Throwable): Unit = sendFrame(Map("error" -> Failure.toData(thrown)))

  /** Waits for a frame from Python, with a length and JSON as in ours. */
  def receive(): JsonNode = Json.read(new String(exactly(exactly(4).getInt(0)).array, UTF_8))

  /** Reads and drops what Python is still sending. Closing a socket with unread bytes would reset
    * it, and lose the answer on its way.
    */
  def drain(): Unit = {
    val scrap = ByteBuffer.allocate(1 << 16)
    while (in.read(scrap) != -1) scrap.clear()
  }

  /** Fails if Python has closed its end. To be called only while Python waits and sends nothing. */
  def checkOpen(): Unit = {
    socket.socket.setSoTimeout(1)
    try if (socket.socket.getInputStream.read() == -1) throw new EOFException("Python has gone")
    catch { case _: SocketTimeoutException => () }
    finally socket.socket.setSoTimeout(0)
  }

  private def exactly(size: Int): ByteBuffer = {
    val bytes = ByteBuffer.allocate(size)
    while (bytes.hasRemaining) if (in.read(bytes) == -1) throw new EOFException("Python has gone")
    bytes
  }

  private def sendFrame(content: Map[String, Any]): Unit = {
    val bytes = Json.write(content).getBytes(UTF_8)
    out.write(ByteBuffer.allocate(4).putInt(0, bytes.length))
    out.write(ByteBuffer.wrap(bytes))
    out.flush()
  }
}
