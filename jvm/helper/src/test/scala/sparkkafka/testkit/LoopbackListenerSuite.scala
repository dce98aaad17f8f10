package sparkkafka.testkit

import java.net.Socket
import java.net.SocketException
import java.net.SocketTimeoutException
import java.nio.charset.StandardCharsets.US_ASCII
import java.time.Duration

import munit.FunSuite

class LoopbackListenerSuite extends FunSuite {
  private val secret = "0123456789"
  private val room = 20
  private val patience = Duration.ofSeconds(60)

  private val listeners = FunFixture[LoopbackListener](
    _ => new LoopbackListener(secret.getBytes(US_ASCII), room),
    _.close()
  )

  private def connect(listener: LoopbackListener, says: String = ""): Socket = {
    val socket = new Socket(LoopbackListener.loopback, listener.port)
    socket.getOutputStream.write(says.getBytes(US_ASCII))
    socket
  }

  /** Connects with the secret and is accepted, and nobody else is. */
  private def assertServed(listener: LoopbackListener): Unit = {
    val ours = connect(listener, secret)
    val accepted = listener.accept(patience)
    assertEquals(accepted.map(_.socket.getPort), Some(ours.getLocalPort))
    accepted.foreach { socket =>
      socket.socket.getOutputStream.write(42)
      assertEquals(ours.getInputStream.read(), 42)
      socket.close()
    }
    ours.close()
  }

  private def isSentAway(stranger: Socket): Boolean =
    try stranger.getInputStream.read() == -1
    catch { case _: SocketException => true }

  private def isStillThere(stranger: Socket): Boolean = {
    stranger.setSoTimeout(1)
    try { stranger.getInputStream.read(); false }
    catch { case _: SocketTimeoutException => true }
  }

  listeners.test("who knows the secret does not wait for those who came first and are silent") {
    listener =>
      val silent = Seq.fill(5)(connect(listener))
      val slow = Seq.fill(5)(connect(listener, secret.take(3)))
      assertServed(listener)
      (silent ++ slow).foreach(stranger => assert(isStillThere(stranger)))
      assertServed(listener)
  }

  listeners.test("a stranger who resets his connection ends nothing") { listener =>
    for (says <- Seq("", secret.take(3), "x" * 1000)) {
      val stranger = connect(listener, says)
      stranger.setSoLinger(true, 0)
      stranger.close()
      assertServed(listener)
    }
  }

  listeners.test("who says something else is sent away") { listener =>
    val strangers = Seq("x" * secret.length, s"x$secret", secret.reverse).map(connect(listener, _))
    assertServed(listener)
    strangers.foreach(stranger => assert(isSentAway(stranger)))
  }

  listeners.test("a secret that comes in pieces is one") { listener =>
    val ours = connect(listener, secret.take(4))
    assertEquals(listener.accept(Duration.ofMillis(10)), None)
    ours.getOutputStream.write(secret.drop(4).getBytes(US_ASCII))
    assertEquals(listener.accept(patience).map(_.socket.getPort), Some(ours.getLocalPort))
  }

  listeners.test("of too many strangers those go who have waited longest") { listener =>
    val strangers = Seq.fill(3 * room)(connect(listener))
    assertServed(listener)
    val (gone, waiting) = strangers.splitAt(2 * room)
    assert(gone.forall(isSentAway))
    // one more is gone if the newest was admitted before it had sent the secret
    assert(waiting.tail.forall(isStillThere))
  }

  listeners.test("no one who comes is no one") { listener =>
    assertEquals(listener.accept(Duration.ofMillis(1)), None)
  }

  listeners.test("with the listener all connections end that it has not given away") { listener =>
    val stranger = connect(listener)
    assertServed(listener)
    listener.close()
    assert(isSentAway(stranger))
  }
}
