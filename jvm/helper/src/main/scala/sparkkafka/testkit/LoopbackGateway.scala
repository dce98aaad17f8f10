package sparkkafka.testkit

import java.io.IOException
import java.nio.ByteBuffer
import java.nio.channels.SocketChannel
import java.nio.charset.StandardCharsets.US_ASCII
import java.time.Duration

import scala.annotation.tailrec

import py4j.Gateway
import py4j.GatewayConnection
import py4j.Protocol
import py4j.commands.AuthCommand

/** py4j's gateway to the helper, for callers who know the secret. py4j's own server gives each
  * stranger a thread for as long as he likes, and reads lines of any length, so a stranger can end
  * it.
  */
private[testkit] final class LoopbackGateway(secret: String) {
  private val gateway = new Gateway(new PythonApi)
  gateway.startup()

  // what py4j's client sends first
  private val listener =
    new LoopbackListener(s"${AuthCommand.COMMAND_NAME}\n$secret\n".getBytes(US_ASCII))

  val port: Int = listener.port

  private val thread = new Thread(() => run(), "spark-kafka-testkit-gateway")
  thread.setDaemon(true)
  thread.start()

  @tailrec private def run(): Unit = {
    try listener.accept(Duration.ofDays(1)).foreach(serve)
    catch { case _: IOException => () } // this caller is gone, but another may come
    run()
  }

  private def serve(caller: SocketChannel): Unit = {
    caller.write(ByteBuffer.wrap(Protocol.getOutputVoidCommand.getBytes(US_ASCII)))
    new GatewayConnection(gateway, caller.socket).startConnection()
  }
}
