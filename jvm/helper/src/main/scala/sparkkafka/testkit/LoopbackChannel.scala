package sparkkafka.testkit

import java.io.IOException
import java.nio.channels.SocketChannel
import java.nio.charset.StandardCharsets.US_ASCII
import java.security.SecureRandom
import java.time.Duration

/** A loopback socket between Python and a thread of the helper. It serves the first connection that
  * opens with the one-time secret, and no other.
  */
private[testkit] object LoopbackChannel {
  private val acceptTime = Duration.ofSeconds(30)
  private val random = new SecureRandom

  final case class Address(port: Int, secret: String)

  /** Opens a channel and serves it on a daemon thread of its own. What `serve` throws is sent to
    * Python as a failure, and is the last that Python gets.
    */
  def open(name: String)(serve: Connection => Unit): Address = {
    val secret = newSecret()
    val listener = new LoopbackListener(secret.getBytes(US_ASCII))
    val thread = new Thread(() => run(listener, serve), s"spark-kafka-testkit-$name")
    thread.setDaemon(true)
    thread.setContextClassLoader(getClass.getClassLoader)
    thread.start()
    Address(listener.port, secret)
  }

  private def run(listener: LoopbackListener, serve: Connection => Unit): Unit =
    try first(listener).foreach(socket => answer(new Connection(socket), serve))
    catch { case _: IOException => () } // Python has gone: nobody is left to tell

  private def first(listener: LoopbackListener): Option[SocketChannel] =
    try listener.accept(acceptTime)
    finally listener.close()

  private def answer(connection: Connection, serve: Connection => Unit): Unit =
    try serve(connection)
    catch {
      case gone: IOException => throw gone
      case thrown: Throwable =>
        connection.sendFailure(thrown)
        connection.drain() // Python may still be sending, and would not see the failure
    } finally connection.close()

  private def newSecret(): String = {
    val bytes = new Array[Byte](32)
    random.nextBytes(bytes)
    bytes.map(byte => f"${byte & 0xff}%02x").mkString
  }
}
