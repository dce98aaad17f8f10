package sparkkafka.testkit

import scala.util.Success
import scala.util.Try
import scala.util.control.NonFatal
import scala.util.{Failure => Failed}

import org.apache.hadoop.fs.Path
import org.apache.spark.sql.streaming.StreamingQueryListener
import org.apache.spark.sql.streaming.StreamingQueryListener.QueryProgressEvent
import org.apache.spark.sql.streaming.StreamingQueryListener.QueryStartedEvent
import org.apache.spark.sql.streaming.StreamingQueryListener.QueryTerminatedEvent
import org.apache.spark.sql.streaming.StreamingQueryManager

/** Gives a query the kit's clock at its start. Spark notifies listeners of a start on the query's
  * own thread, before that does anything else, so the clock is in place for the first trigger. The
  * query is started like any other, by Spark's own writer, whatever its sink is.
  *
  * @param checkpoint
  *   distinguishes the query from others
  */
private[testkit] final class ClockedStart(
    queries: StreamingQueryManager,
    checkpoint: String,
    clock: TestClock
) extends StreamingQueryListener {
  import ClockedStart._

  @volatile private var outcome: Option[Try[ClockedQuery]] = None

  /** The query, after it was started.
    *
    * @throws Failure
    *   it does not have the kit's clock
    */
  def query: ClockedQuery =
    outcome.getOrElse(throw Failure.internal(s"no query began at checkpoint $checkpoint.")).get

  override def onQueryStarted(event: QueryStartedEvent): Unit =
    try {
      val query = queries.get(event.id)
      val execution = Try(ClockedQuery.call(query, "streamingQuery")).getOrElse(query)
      if (isAt(ClockedQuery.call(execution, "resolvedCheckpointRoot").toString, checkpoint))
        outcome = Some(Success(new ClockedQuery(execution, clock)))
    } catch { // Spark would log it and go on
      case NonFatal(thrown) => outcome = Some(Failed(thrown))
    }

  override def onQueryProgress(event: QueryProgressEvent): Unit = ()
  override def onQueryTerminated(event: QueryTerminatedEvent): Unit = ()
}

private[testkit] object ClockedStart {

  /** Whether these are the same place. Spark makes a whole URI of the path that it is given. */
  private def isAt(root: String, checkpoint: String): Boolean = {
    def path(text: String) = new Path(text).toUri.getPath
    path(root) == path(checkpoint) || path(root).endsWith(s"/${path(checkpoint)}")
  }
}
