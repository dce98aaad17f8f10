package sparkkafka.testkit

import java.io.DataInputStream
import java.io.IOException
import java.net.InetSocketAddress
import java.net.SocketTimeoutException
import java.nio.channels.ServerSocketChannel
import java.nio.channels.SocketChannel
import java.nio.charset.StandardCharsets.US_ASCII
import java.security.MessageDigest
import java.security.SecureRandom

import scala.annotation.tailrec

/** A loopback socket between Python and a thread of the helper. Python announces the port that it
  * will call from, which it holds already. Any user of the machine can connect, and all others are
  * closed unread. A connection opens with a one-time secret, because the port may belong to
  * somebody else if Python has died.
  */
private[testkit] object LoopbackChannel {
  private val acceptMillis = 30000
  private val random = new SecureRandom

  final case class Address(port: Int, secret: String)

  /** Opens a channel and serves it on its own daemon thread. If `serve` throws, Python gets that as
    * a failure, and nothing after it.
    */
  def open(name: String, caller: Int)(serve: Connection => Unit): Address = {
    val server = ServerSocketChannel.open()
    server.bind(new InetSocketAddress(LoopbackListener.loopback, 0), LoopbackListener.backlog)
    val address = Address(server.socket.getLocalPort, newSecret())
    val from = new InetSocketAddress(LoopbackListener.loopback, caller)
    val thread =
      new Thread(() => run(server, from, address.secret, serve), s"spark-kafka-testkit-$name")
    thread.setDaemon(true)
    thread.setContextClassLoader(getClass.getClassLoader)
    thread.start()
    address
  }

  private def run(
      server: ServerSocketChannel,
      caller: InetSocketAddress,
      secret: String,
      serve: Connection => Unit
  ): Unit =
    try
      accept(server, caller).foreach { socket =>
        try if (isOurs(socket, secret)) answer(new Connection(socket), serve)
        finally socket.close()
      }
    catch { case _: IOException => () } // Python is gone: nobody is left to report to

  private def answer(connection: Connection, serve: Connection => Unit): Unit =
    try serve(connection)
    catch {
      case gone: IOException => throw gone
      case thrown: Throwable =>
        connection.sendFailure(thrown)
        connection.drain() // Python may still be sending, and would not see the failure
    }

  private def accept(
      server: ServerSocketChannel,
      caller: InetSocketAddress
  ): Option[SocketChannel] = {
    val deadline = System.nanoTime + acceptMillis * 1000000L
    @tailrec def next(): Option[SocketChannel] = {
      val left = ((deadline - System.nanoTime) / 1000000L).toInt
      if (left <= 0) None
      else {
        server.socket.setSoTimeout(left) // only the adaptor heeds it
        val socket = server.socket.accept().getChannel
        if (socket.getRemoteAddress == caller) Some(socket)
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
    socket.setTcpNoDelay(true)
    socket.setSoTimeout(acceptMillis)
    new DataInputStream(socket.getInputStream).readFully(received)
    socket.setSoTimeout(0)
    MessageDigest.isEqual(expected, received)
  }

  private def newSecret(): String = {
    val bytes = new Array[Byte](32)
    random.nextBytes(bytes)
    bytes.map(byte => f"${byte & 0xff}%02x").mkString
  }
}
