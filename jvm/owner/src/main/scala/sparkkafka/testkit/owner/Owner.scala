package sparkkafka.testkit.owner

import java.io.IOException
import java.io.InputStream
import java.util.concurrent.CountDownLatch

/** The process that started this one, seen through the pipe that it holds open on our stdin. The
  * pipe ends when the owner closes it or dies, in whatever way.
  *
  * @param graceMillis
  *   how long this process may take to end after the owner is gone, before it is halted
  * @param lastWill
  *   runs before the process is halted
  */
private[testkit] final class Owner(
    pipe: InputStream,
    graceMillis: Long,
    lastWill: () => Unit = () => ()
) {
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
    catch { case _: IOException => -1 }
}
