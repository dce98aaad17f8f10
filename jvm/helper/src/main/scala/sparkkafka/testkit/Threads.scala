package sparkkafka.testkit

/** The threads of this JVM. */
private[testkit] object Threads {

  /** The living threads whose name begins with this. */
  def named(name: String): Seq[Thread] = {
    val root = Iterator
      .iterate(Thread.currentThread.getThreadGroup)(_.getParent)
      .takeWhile(_ != null)
      .reduce((_, parent) => parent)
    all(root, root.activeCount * 2).filter(_.getName.startsWith(name))
  }

  /** The count is an estimate, and the group leaves out what does not fit. */
  @scala.annotation.tailrec
  private def all(group: ThreadGroup, room: Int): Seq[Thread] = {
    val threads = new Array[Thread](room + 1)
    val count = group.enumerate(threads)
    if (count <= room) threads.toSeq.take(count) else all(group, room * 2)
  }
}
