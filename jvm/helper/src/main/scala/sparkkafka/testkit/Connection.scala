package sparkkafka.testkit

import java.io.BufferedInputStream
import java.io.BufferedOutputStream
import java.io.DataInputStream
import java.io.DataOutputStream
import java.io.EOFException
import java.io.InputStream
import java.io.OutputStream
import java.net.Socket
import java.net.SocketTimeoutException
import java.nio.charset.StandardCharsets.UTF_8

import com.fasterxml.jackson.databind.JsonNode

/** Python's end of one operation: Arrow streams go over `in` and `out`, and between them frames of
  * JSON, each a length (four bytes, big endian) and that many bytes of UTF-8: `{"ok": ...}` or
  * `{"error": {code, data, trace}}`.
  */
private[testkit] final class Connection(socket: Socket) extends AutoCloseable {
  private val bufferBytes = 1 << 16
  val in: InputStream = new BufferedInputStream(socket.getInputStream, bufferBytes)
  val out: OutputStream = new BufferedOutputStream(socket.getOutputStream, bufferBytes)

  def sendResult(result: Any): Unit = sendFrame(Map("ok" -> result))

  def sendFailure(thrown: Throwable): Unit = sendFrame(Map("error" -> Failure.toData(thrown)))

  /** Waits for a frame of Python's: a length and JSON, as ours. */
  def receive(): JsonNode = {
    val frame = new DataInputStream(in)
    val bytes = new Array[Byte](frame.readInt())
    frame.readFully(bytes)
    Json.read(new String(bytes, UTF_8))
  }

  /** Reads and drops what Python still sends: closing a socket with unread bytes would reset it,
    * and lose the answer on its way.
    */
  def drain(): Unit = {
    val scrap = new Array[Byte](bufferBytes)
    while (in.read(scrap) != -1) {}
  }

  /** Fails where Python has closed its end. For where it waits for us, and sends nothing. */
  def checkOpen(): Unit = {
    socket.setSoTimeout(1)
    try if (in.read() == -1) throw new EOFException("Python has gone")
    catch { case _: SocketTimeoutException => () }
    finally socket.setSoTimeout(0)
  }

  override def close(): Unit = socket.close()

  private def sendFrame(content: Map[String, Any]): Unit = {
    val bytes = Json.write(content).getBytes(UTF_8)
    val frame = new DataOutputStream(out)
    frame.writeInt(bytes.length)
    frame.write(bytes)
    frame.flush()
  }
}
