package sparkkafka.testkit

import java.io.IOException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.StandardSocketOptions.TCP_NODELAY
import java.nio.ByteBuffer
import java.nio.channels.SelectionKey
import java.nio.channels.Selector
import java.nio.channels.ServerSocketChannel
import java.nio.channels.SocketChannel
import java.security.MessageDigest
import java.time.Duration

import scala.annotation.tailrec
import scala.collection.mutable

import sparkkafka.testkit.Converters._

/** A loopback port that accepts callers who open with the greeting, which holds a secret, since any
  * user of the machine can connect. Strangers wait in parallel and block nobody. When there are
  * more than `room`, the one who has waited longest is sent away.
  */
private[testkit] final class LoopbackListener(greeting: Array[Byte], room: Int = 1024)
    extends AutoCloseable {
  import LoopbackListener._

  private val server = ServerSocketChannel.open()
  private val selector = Selector.open()
  private val strangers = new mutable.LinkedHashSet[SocketChannel]

  server.bind(new InetSocketAddress(loopback, 0), backlog)
  server.configureBlocking(false)
  server.register(selector, SelectionKey.OP_ACCEPT)

  val port: Int = server.socket.getLocalPort

  /** The next caller who knows the greeting, or none if nobody comes in time. */
  def accept(time: Duration): Option[SocketChannel] = acceptUntil(System.nanoTime + time.toNanos)

  @tailrec private def acceptUntil(deadline: Long): Option[SocketChannel] = {
    val millis = (deadline - System.nanoTime) / 1000000L
    if (millis <= 0) None
    else {
      selector.select(millis)
      val ready = selector.selectedKeys.asScala.toList
      selector.selectedKeys.clear()
      if (ready.exists(_.channel eq server)) admit()
      ready.find(knowsGreeting) match {
        case Some(key) => Some(release(key))
        case None => acceptUntil(deadline)
      }
    }
  }

  private def admit(): Unit = Option(server.accept()).foreach { stranger =>
    stranger.configureBlocking(false)
    stranger.register(selector, SelectionKey.OP_READ, ByteBuffer.allocate(greeting.length))
    strangers.add(stranger)
    if (strangers.size > room) sendAway(strangers.head)
  }

  /** Reads what has come, and compares it only when it is complete. A caller who was sent away at
    * the first wrong byte could guess the secret byte by byte.
    */
  private def knowsGreeting(key: SelectionKey): Boolean = key.channel match {
    case stranger: SocketChannel =>
      val received = key.attachment.asInstanceOf[ByteBuffer]
      val isOver =
        try stranger.read(received) == -1 || !received.hasRemaining
        catch { case _: IOException => true }
      val isKnown = !received.hasRemaining && MessageDigest.isEqual(greeting, received.array)
      if (isOver && !isKnown) sendAway(stranger)
      isKnown
    case _ => false
  }

  private def release(key: SelectionKey): SocketChannel = {
    val socket = key.channel.asInstanceOf[SocketChannel]
    strangers.remove(socket)
    key.cancel()
    selector.selectNow() // only now is the key gone, and the socket may block
    socket.configureBlocking(true)
    socket.setOption[java.lang.Boolean](TCP_NODELAY, true)
    socket
  }

  private def sendAway(stranger: SocketChannel): Unit = {
    strangers.remove(stranger)
    stranger.close()
  }

  override def close(): Unit = {
    server.close()
    strangers.foreach(_.close())
    selector.close()
  }
}

private[testkit] object LoopbackListener {

  /** The address that Python connects to. Java's own loopback address is `::1` if IPv6 addresses
    * are preferred.
    */
  val loopback: InetAddress = InetAddress.getByAddress(Array[Byte](127, 0, 0, 1))

  /** The system's queue of connections that are not yet accepted. A caller for whom it has no room
    * tries again after a second.
    */
  val backlog: Int = 1024
}
