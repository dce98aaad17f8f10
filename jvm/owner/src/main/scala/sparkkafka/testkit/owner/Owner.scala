package sparkkafka.testkit.broker

import java.io.InputStream
import java.util.concurrent.CountDownLatch

/** The process that started this one, seen through the pipe it holds open on our stdin.
  *
  * @param lastWill
  *   runs if the node has not come down `grace` after the owner went, before the process is halted
  */
private[broker] final class Owner(pipe: InputStream, lastWill: () => Unit) {
  private val graceMillis = 10000L
  private val gone = new CountDownLatch(1)

  private val watcher = new Thread(() => watch(), "owner-watch")
  watcher.setDaemon(true)
  watcher.start()

  def awaitGone(): Unit = gone.await()

  private def watch(): Unit = {
    while (readByte() != -1) {}
    gone.countDown()
    Thread.sleep(graceMillis)
    lastWill()
    Runtime.getRuntime.halt(1)
  }

  private def readByte(): Int =
    try pipe.read()
    catch { case _: java.io.IOException => -1 }
}
