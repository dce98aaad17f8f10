package sparkkafka.testkit

import java.lang.reflect.Field
import java.util.concurrent.ConcurrentLinkedQueue

import org.apache.spark.sparkkafka.OpenClock
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream
import org.apache.spark.sql.streaming.StreamingQueryProgress

/** A query that is about to begin, with the kit's clock in place of Spark's. It is made on the
  * query's own thread.
  *
  * The fields in which Spark keeps its clock are found by type, in the query's execution and in the
  * parts of the engine that it holds. Their names, packages and number differ from 3.5 to 4.2.
  *
  * @param execution
  *   Spark's StreamExecution
  */
private[testkit] final class ClockedQuery(execution: AnyRef, clock: TestClock)
    extends TestClock.Owner {
  import ClockedQuery._

  private val thread = Thread.currentThread
  private val batches = new ConcurrentLinkedQueue[String]
  private var last: Option[StreamingQueryProgress] = None

  (execution +: partsOf(execution)).foreach(put(_, clock))
  if (call(execution, "triggerClock") ne clock)
    throw Failure.internal("this Spark keeps the clock of a query where the helper can't set it.")
  clock.hold(this)

  def hasEnded: Boolean = !thread.isAlive

  /** The progress of each batch that has run since the last call, as JSON. Spark itself keeps the
    * last hundred, including those of triggers that had nothing to do.
    */
  def takeBatches(): List[String] =
    Iterator.continually(batches.poll()).takeWhile(_ != null).toList

  /** Makes the sources fix where the query begins to read, which Spark does in the first trigger.
    * So `latest` is the end at the start, not when a test lets the first batch run. It does no harm
    * if that is done already.
    */
  override def beforeFirst(): Unit =
    call(execution, "sources").asInstanceOf[scala.collection.Seq[_]].foreach {
      case source: MicroBatchStream => source.initialOffset()
      case _ => () // sources of the old kind begin at their beginning
    }

  override def afterTrigger(): Unit = {
    val progress = Option(call(execution, "lastProgress").asInstanceOf[StreamingQueryProgress])
    progress.filterNot(told => last.exists(_ eq told)).foreach { told =>
      if (told.durationMs.containsKey(ranBatch)) batches.add(told.json)
    }
    last = progress
  }
}

private[testkit] object ClockedQuery {
  private val engine = "org.apache.spark.sql.execution.streaming."
  private val ranBatch = "addBatch"

  /** Calls a method of a class that differs between Spark versions. */
  def call(owner: AnyRef, method: String): AnyRef =
    owner.getClass.getMethod(method).invoke(owner)

  /** The value of a field that is not open, if the class has one of that name. */
  def valueOf(owner: AnyRef, name: String): Option[AnyRef] =
    fieldsOf(owner).find(_.getName == name).flatMap { field =>
      field.setAccessible(true)
      Option(field.get(owner))
    }

  private def fieldsOf(owner: AnyRef): List[Field] =
    Iterator
      .iterate[Class[_]](owner.getClass)(_.getSuperclass)
      .takeWhile(_ != null)
      .flatMap(_.getDeclaredFields)
      .toList

  private def partsOf(execution: AnyRef): List[AnyRef] =
    fieldsOf(execution).filter(_.getType.getName.startsWith(engine)).flatMap { field =>
      field.setAccessible(true)
      Option(field.get(execution))
    }

  private def put(owner: AnyRef, clock: TestClock): Unit =
    fieldsOf(owner).filter(_.getType == OpenClock.kind).foreach { field =>
      field.setAccessible(true)
      field.set(owner, clock)
    }
}
