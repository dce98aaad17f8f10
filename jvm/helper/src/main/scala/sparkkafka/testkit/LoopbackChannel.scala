package sparkkafka.testkit

import java.io.DataInputStream
import java.io.EOFException
import java.io.IOException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.SocketTimeoutException
import java.nio.channels.ServerSocketChannel
import java.nio.channels.SocketChannel
import java.nio.charset.StandardCharsets.US_ASCII
import java.security.MessageDigest
import java.security.SecureRandom

/** A loopback socket between Python and a thread of the helper. It serves the first connection that
  * opens with the one-time secret, and no other: any user of the machine can reach a loopback port.
  */
private[testkit] object LoopbackChannel {

  /** The address that Python connects to. Java's own loopback address is `::1` where IPv6 addresses
    * are preferred.
    */
  val loopback: InetAddress = InetAddress.getByAddress(Array[Byte](127, 0, 0, 1))

  private val acceptMillis = 30000
  private val random = new SecureRandom

  final case class Address(port: Int, secret: String)

  /** Opens a channel and serves it on a daemon thread of its own. What `serve` throws is sent to
    * Python as a failure, and is the last that Python gets.
    */
  def open(name: String)(serve: Connection => Unit): Address = {
    val server = ServerSocketChannel.open()
    server.bind(new InetSocketAddress(loopback, 0), 4)
    val address = Address(server.socket.getLocalPort, newSecret())
    val thread = new Thread(() => run(server, address.secret, serve), s"spark-kafka-testkit-$name")
    thread.setDaemon(true)
    thread.setContextClassLoader(getClass.getClassLoader)
    thread.start()
    address
  }

  private def run(
      server: ServerSocketChannel,
      secret: String,
      serve: Connection => Unit
  ): Unit =
    try accept(server, secret).foreach(socket => answer(new Connection(socket), serve))
    catch { case _: IOException => () } // Python has gone: nobody is left to tell

  private def answer(connection: Connection, serve: Connection => Unit): Unit =
    try serve(connection)
    catch {
      case gone: IOException => throw gone
      case thrown: Throwable =>
        connection.sendFailure(thrown)
        connection.drain() // Python may still be sending, and would not see the failure
    } finally connection.close()

  private def accept(server: ServerSocketChannel, secret: String): Option[SocketChannel] = {
    val deadline = System.nanoTime + acceptMillis * 1000000L
    def next(): Option[SocketChannel] = {
      val left = ((deadline - System.nanoTime) / 1000000L).toInt
      if (left <= 0) None
      else {
        server.socket.setSoTimeout(left) // the adaptor alone heeds it
        val socket = server.socket.accept().getChannel
        if (isOurs(socket, secret)) Some(socket)
        else {
          socket.close()
          next()
        }
      }
    }
    try next()
    catch { case _: SocketTimeoutException => None }
    finally server.close()
  }

  private def isOurs(channel: SocketChannel, secret: String): Boolean = {
    val socket = channel.socket
    val expected = secret.getBytes(US_ASCII)
    val received = new Array[Byte](expected.length)
    try {
      socket.setTcpNoDelay(true)
      socket.setSoTimeout(2000)
      new DataInputStream(socket.getInputStream).readFully(received)
      socket.setSoTimeout(0)
      MessageDigest.isEqual(expected, received)
    } catch { case _: EOFException | _: SocketTimeoutException => false }
  }

  private def newSecret(): String = {
    val bytes = new Array[Byte](32)
    random.nextBytes(bytes)
    bytes.map(byte => f"${byte & 0xff}%02x").mkString
  }
}
