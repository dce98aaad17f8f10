package sparkkafka.testkit

import java.util.concurrent.ConcurrentHashMap

import org.apache.spark.sql.ExperimentalMethods
import org.apache.spark.sql.SparkSession
import org.apache.spark.sql.catalyst.plans.logical.Command
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.SparkStrategy

/** Counts the writes that a `foreachBatch` function makes in a batch, and fails one of them before
  * it begins, the way an unreachable sink fails. Spark plans each write on the thread that makes
  * it, and asks the session's extra strategies first. This one plans nothing.
  */
private[testkit] object WatchedWrites extends SparkStrategy {
  private val queryId = "sql.streaming.queryId" // StreamExecution.QUERY_ID_KEY

  private final class Writes(failing: Int) {
    private var seen = 0
    private var failed = false

    def next(): Unit = synchronized {
      seen += 1
      if (seen == failing) {
        failed = true
        throw new IllegalStateException(message)
      }
    }

    def count: Int = synchronized(seen)
    def hasFailed: Boolean = synchronized(failed)
  }

  private val message = "spark-kafka-testkit failed this write"
  private val watched = new ConcurrentHashMap[String, Writes]

  /** Watches the writes of a query that is started in this session from now on.
    *
    * @param query
    *   its id
    * @param failing
    *   which write fails, counted from 1, or 0 for none
    */
  def watch(session: AnyRef, query: String, failing: Int): Unit = {
    watched.put(query, new Writes(failing))
    val methods = ClockedQuery.call(session, "experimental").asInstanceOf[ExperimentalMethods]
    methods.extraStrategies = Seq(this) ++ methods.extraStrategies.filterNot(_ eq this)
  }

  /** Ends the watch, and returns the number of writes, and 1 if one was made to fail, else 0. */
  def unwatch(query: String): Array[Int] =
    Option(watched.remove(query)) match {
      case Some(writes) => Array(writes.count, if (writes.hasFailed) 1 else 0)
      case None => Array(0, 0)
    }

  override def apply(plan: LogicalPlan): Seq[SparkPlan] = {
    plan match {
      case _: Command => current.foreach(_.next())
      case _ => ()
    }
    Nil
  }

  private def current: Option[Writes] =
    for {
      session <- SparkSession.getActiveSession
      query <- Option(session.sparkContext.getLocalProperty(queryId))
      writes <- Option(watched.get(query))
    } yield writes
}
