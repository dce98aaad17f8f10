package sparkkafka.testkit

import java.util.concurrent.ArrayBlockingQueue
import java.util.concurrent.TimeUnit.MILLISECONDS

import org.apache.kafka.clients.consumer.ConsumerRecord

/** Writes batches of records on its own thread, while the next ones are fetched. It holds a few
  * batches at most. After a failure it accepts nothing more.
  *
  * A batch is handed over only when the next one comes. Most reads have one batch, and starting a
  * thread and waiting for its end would cost them more than the writing. A rest can't be passed to
  * the writer itself, which belongs to the thread by then. So the rest and the end go through the
  * queue, as batches that are recognized by identity.
  */
private[testkit] final class WriteBehind(writer: RecordBatches.Writer) {
  import WriteBehind.Batch

  private val queue = new ArrayBlockingQueue[Batch](1)
  private var held: Option[Batch] = None
  private var thread: Option[Thread] = None
  private var isFlushed = true
  @volatile private var failure: Option[Throwable] = None

  def add(batch: Batch): Unit = {
    held.foreach(hand)
    held = Some(batch)
    isFlushed = false
  }

  /** Sends what there is, because no batch comes for a while. Returns whether there was anything.
    */
  def rest(): Boolean = {
    val isThere = !isFlushed
    if (isThere) {
      isFlushed = true
      if (thread.isEmpty) {
        held.foreach(write)
        writer.flush()
      } else {
        held.foreach(hand)
        offer(WriteBehind.flush)
      }
      held = None
    }
    isThere
  }

  /** Returns when everything is written. The writer stays open. */
  def finish(): Unit = {
    if (thread.isEmpty) held.foreach(write)
    else {
      held.foreach(hand)
      stop()
    }
    held = None
    failure.foreach(thrown => throw thrown)
  }

  /** Ends the thread, whatever it has written. */
  def stop(): Unit = {
    thread.foreach { running =>
      offer(WriteBehind.end)
      running.join()
    }
    thread = None
  }

  private def hand(batch: Batch): Unit = {
    if (thread.isEmpty) {
      val starting = new Thread(() => writeAll(), "spark-kafka-testkit-write")
      starting.setDaemon(true)
      starting.start()
      thread = Some(starting)
    }
    offer(batch)
    failure.foreach(thrown => throw thrown)
  }

  private def offer(batch: Batch): Unit =
    while (failure.isEmpty && !queue.offer(batch, 100, MILLISECONDS)) {}

  private def writeAll(): Unit =
    try Iterator.continually(queue.take()).takeWhile(_ ne WriteBehind.end).foreach(write)
    catch { case thrown: Throwable => failure = Some(thrown) }

  private def write(batch: Batch): Unit =
    if (batch eq WriteBehind.flush) writer.flush() else batch.forEach(record => writer.add(record))
}

private[testkit] object WriteBehind {
  type Batch = java.util.ArrayList[ConsumerRecord[Array[Byte], Array[Byte]]]

  private val end = new Batch(0)
  private val flush = new Batch(0)
}
