package sparkkafka.testkit

import java.io.DataInputStream
import java.io.InputStream
import java.net.Socket
import java.nio.charset.StandardCharsets.US_ASCII
import java.nio.charset.StandardCharsets.UTF_8

import munit.FunSuite

class LoopbackChannelSuite extends FunSuite {
  private def connect(address: LoopbackChannel.Address): Socket =
    new Socket(LoopbackListener.loopback, address.port)

  private def frame(in: InputStream): String = {
    val data = new DataInputStream(in)
    val bytes = new Array[Byte](data.readInt())
    data.readFully(bytes)
    new String(bytes, UTF_8)
  }

  test("Python is served, whatever strangers do who come first") {
    val address = LoopbackChannel.open("test")(_.sendResult("it works"))
    val silent = Seq.fill(3)(connect(address))
    silent.head.setSoLinger(true, 0)
    silent.head.close()
    val python = connect(address)
    python.getOutputStream.write(address.secret.getBytes(US_ASCII))
    assertEquals(frame(python.getInputStream), """{"ok":"it works"}""")
    silent.tail.foreach(_.close())
    python.close()
  }

  test("what goes wrong is told, and is the last") {
    val address = LoopbackChannel.open("test")(_ => throw Failure.internal("it is odd"))
    val python = connect(address)
    python.getOutputStream.write(address.secret.getBytes(US_ASCII))
    val told = Json.read(frame(python.getInputStream))
    assertEquals(told.get("error").get("data").get("reason").asText, "it is odd")
    python.shutdownOutput()
    assertEquals(python.getInputStream.read(), -1)
    python.close()
  }
}
