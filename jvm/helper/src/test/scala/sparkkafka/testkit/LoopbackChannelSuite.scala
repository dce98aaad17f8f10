package sparkkafka.testkit

import java.io.DataInputStream
import java.io.InputStream
import java.net.InetSocketAddress
import java.net.Socket
import java.net.SocketException
import java.nio.charset.StandardCharsets.US_ASCII
import java.nio.charset.StandardCharsets.UTF_8

import munit.FunSuite

class LoopbackChannelSuite extends FunSuite {

  /** A socket that already has its port, like Python's before it asks for a channel. */
  private def caller(): Socket = {
    val socket = new Socket
    socket.bind(new InetSocketAddress(LoopbackListener.loopback, 0))
    socket
  }

  private def connect(socket: Socket, address: LoopbackChannel.Address): Socket = {
    socket.connect(new InetSocketAddress(LoopbackListener.loopback, address.port))
    socket
  }

  private def say(socket: Socket, text: String): Unit =
    socket.getOutputStream.write(text.getBytes(US_ASCII))

  private def frame(in: InputStream): String = {
    val data = new DataInputStream(in)
    val bytes = new Array[Byte](data.readInt())
    data.readFully(bytes)
    new String(bytes, UTF_8)
  }

  private def isSentAway(stranger: Socket): Boolean =
    try stranger.getInputStream.read() == -1
    catch { case _: SocketException => true }

  test("Python is served, and strangers are sent away, whatever they do") {
    val python = caller()
    val address = LoopbackChannel.open("test", python.getLocalPort)(_.sendResult("it works"))
    val silent = connect(caller(), address)
    val reset = connect(caller(), address)
    reset.setSoLinger(true, 0)
    reset.close()
    val thief = connect(caller(), address)
    say(thief, address.secret)
    val crowd = Seq.fill(300)(connect(caller(), address))
    connect(python, address)
    crowd.foreach(stranger => assert(isSentAway(stranger)))
    assert(isSentAway(silent))
    assert(isSentAway(thief))
    say(python, address.secret)
    assertEquals(frame(python.getInputStream), """{"ok":"it works"}""")
    python.close()
  }

  test("who calls from Python's port needs the secret all the same") {
    val stranger = caller()
    val address = LoopbackChannel.open("test", stranger.getLocalPort)(_.sendResult("it works"))
    say(connect(stranger, address), "x" * address.secret.length)
    assert(isSentAway(stranger))
  }

  test("what goes wrong is told, and is the last") {
    val python = caller()
    val address =
      LoopbackChannel.open("test", python.getLocalPort)(_ => throw Failure.internal("it is odd"))
    say(connect(python, address), address.secret)
    val told = Json.read(frame(python.getInputStream))
    assertEquals(told.get("error").get("data").get("reason").asText, "it is odd")
    python.shutdownOutput()
    assertEquals(python.getInputStream.read(), -1)
    python.close()
  }
}
