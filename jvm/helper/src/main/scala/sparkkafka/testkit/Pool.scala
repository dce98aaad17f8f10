package sparkkafka.testkit

import scala.collection.mutable

/** Clients that nobody uses now, kept for the next caller who needs one. */
private[testkit] final class Pool[A <: AutoCloseable] extends AutoCloseable {
  private val kept = mutable.ListBuffer.empty[A]
  private var isClosed = false

  def take(fits: A => Boolean): Option[A] = synchronized {
    val found = kept.find(fits)
    found.foreach(kept -= _)
    found
  }

  /** Returns a client, which is closed if it comes back after the end. */
  def giveBack(one: A): Unit = {
    val isKept = synchronized {
      if (!isClosed) { kept += one; () }
      !isClosed
    }
    if (!isKept) one.close()
  }

  override def close(): Unit = {
    val left = synchronized {
      isClosed = true
      val all = kept.toList
      kept.clear()
      all
    }
    left.foreach(_.close())
  }
}
