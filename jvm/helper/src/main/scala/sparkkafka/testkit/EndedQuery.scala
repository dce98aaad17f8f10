package sparkkafka.testkit

import java.util.concurrent.locks.Lock

import org.apache.spark.sparkkafka.OpenListeners
import org.apache.spark.sql.SparkSession
import py4j.ClientServerConnection
import py4j.PythonClient
import sparkkafka.testkit.Converters._

/** What stays in the JVM of each query that has ended, although nothing uses it: a listener of each
  * stateful query, a connection to Python of each query that calls Python, and a thread of each
  * query with `transformWithState` in Python. After some hundred queries, they slow down the rest,
  * fill the memory and take all files that Python may open.
  */
private[testkit] object EndedQuery {
  import ClockedQuery.valueOf

  private val monitor = "Idle Worker Monitor"
  private val driverWorker = "driver_worker"

  /** Frees what a query has left. It harms no other query.
    *
    * @param execution
    *   Spark's StreamExecution, which has ended
    * @param callbacks
    *   py4j's client for calls to Python
    */
  def letGo(execution: AnyRef, callbacks: AnyRef): Unit = {
    valueOf(execution, "sparkSessionForStream").foreach(removeListener)
    callbacks match {
      case client: PythonClient => closeIdle(client)
      case _ => () // it has a few connections, for all threads
    }
    endMonitors()
  }

  /** Removes the listener of a session's queries, to which each event of all sessions goes. Spark
    * makes a session for each query, and never removes its listener.
    */
  def removeListener(session: AnyRef): Unit = {
    val it = session.asInstanceOf[SparkSession]
    valueOf(it.streams, "listenerBus").foreach(OpenListeners.remove(it.sparkContext, _))
  }

  /** Closes the connections that no call uses. Each thread that calls Python opens one, and neither
    * end closes it after the thread. The client's lock keeps a thread that still lives from its
    * connection meanwhile, and after that it opens another. Connections that Python has opened are
    * still in use.
    */
  private def closeIdle(client: PythonClient): Unit =
    for {
      lock <- valueOf(client, "lock").collect { case lock: Lock => lock }
      connections <- valueOf(client, "connections").collect { case all: java.util.Deque[_] => all }
    } {
      lock.lock()
      try {
        val idle = connections.asScala.toList.collect {
          case it: ClientServerConnection if it.isInitiatedFromClient => it
        }
        idle.foreach { connection =>
          connections.remove(connection)
          connection.shutdown()
        }
      } finally lock.unlock()
    }

  /** Ends the threads that watch for idle workers where there can be none: a driver worker serves
    * one query. Such a thread keeps the query's session.
    */
  private def endMonitors(): Unit =
    Threads.named(monitor).filter(watchesDriverWorker).foreach { thread =>
      thread.setUncaughtExceptionHandler((_, _) => ()) // it ends with an InterruptedException
      thread.interrupt()
    }

  private def watchesDriverWorker(thread: Thread): Boolean =
    valueOf(thread, "$outer").flatMap(valueOf(_, "workerModule")).exists {
      _.toString.endsWith(driverWorker)
    }
}
