package sparkkafka.testkit

import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong

/** All that Python calls. Every method returns at once: what takes time goes on in a thread of its
  * own and over a channel, whose address (`port secret`) a method returns, so that Python can give
  * up waiting whenever it wants to.
  */
final class PythonApi {
  private val clusters = new ConcurrentHashMap[Long, Cluster]
  private val lastHandle = new AtomicLong

  /** The kit's version this jar was built as; Python compares it with its own before anything else.
    */
  def pyVersion(): String = BuildInfo.version

  /** A handle for a cluster; nothing is connected yet. */
  def pyOpen(bootstrapServers: String): Long = {
    val handle = lastHandle.incrementAndGet()
    clusters.put(handle, new Cluster(bootstrapServers))
    handle
  }

  /** Closes the handle's clients. A handle that is not open is no error. */
  def pyClose(handle: Long): Unit = Option(clusters.remove(handle)).foreach(_.close())

  /** Over the channel go operations on the cluster, see [[Operations]], until Python closes it. */
  def pyServe(handle: Long): String = {
    val cluster = clusters.get(handle)
    open("operations")(connection => new Operations(cluster, connection).run())
  }

  private def open(name: String)(serve: Connection => Unit): String = {
    val address = ArrowChannel.open(name)(serve)
    s"${address.port} ${address.secret}"
  }
}
