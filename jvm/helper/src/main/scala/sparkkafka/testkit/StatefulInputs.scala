package sparkkafka.testkit

import java.util

import org.apache.spark.sql.catalyst.expressions.Alias
import org.apache.spark.sql.catalyst.expressions.Attribute
import org.apache.spark.sql.catalyst.expressions.Expression
import org.apache.spark.sql.catalyst.expressions.GetStructField
import org.apache.spark.sql.catalyst.expressions.NamedExpression
import org.apache.spark.sql.catalyst.plans.logical.Aggregate
import org.apache.spark.sql.catalyst.plans.logical.EventTimeWatermark
import org.apache.spark.sql.catalyst.plans.logical.Expand
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan
import org.apache.spark.sql.catalyst.plans.logical.Project
import org.apache.spark.sql.types.StructType
import sparkkafka.testkit.Converters._

/** The rows that reach the stateful operators of a streaming plan, with the time by which each is
  * late or not. They are plans, which a batch runs on what the sources have read.
  */
private[testkit] object StatefulInputs {

  /** The columns of a plan's result: the time that Spark compares with the watermark, which is the
    * end of a window, and the row's own time.
    */
  val compared: String = "compared"
  val eventTime: String = "event_time"

  private val delay = EventTimeWatermark.delayKey

  // by name, because not every Spark has all of them
  private val stateful = Set(
    "Aggregate",
    "Deduplicate",
    "DeduplicateWithinWatermark",
    "Distinct",
    "FlatMapGroupsInPandasWithState",
    "FlatMapGroupsWithState",
    "GlobalLimit",
    "TransformWithState",
    "TransformWithStateInPandas",
    "TransformWithStateInPySpark"
  )

  /** @param plan
    *   a streaming plan, analyzed
    * @param sources
    *   what each of its streaming leaves has read, in the order of the leaves, as a plan with the
    *   same columns
    * @param once
    *   whether a row that becomes several before the operator, one for each of its windows, counts
    *   only as the first of them
    * @return
    *   for each stateful operator, in the order of Spark's progress, a plan for each of its inputs
    *   with an event time. It is null if an input comes from another such operator
    */
  def of(
      plan: AnyRef,
      sources: util.List[AnyRef],
      once: Boolean
  ): util.List[util.List[LogicalPlan]] = {
    val streaming = plan.asInstanceOf[LogicalPlan]
    val leaves = streaming.collectLeaves().filter(_.isStreaming)
    val batches = leaves.zip(sources.asScala.map(_.asInstanceOf[LogicalPlan])).toMap
    val replaced: PartialFunction[LogicalPlan, LogicalPlan] = {
      case leaf if batches.contains(leaf) => read(leaf, batches(leaf))
      case expand: Expand if once => first(expand)
    }
    streaming.collect { case node if isStateful(node) => inputs(node, replaced) }.asJava
  }

  private def isStateful(node: LogicalPlan): Boolean =
    if (node.nodeName == "Join") node.children.forall(_.isStreaming)
    else node.isStreaming && stateful(node.nodeName)

  private def inputs(
      node: LogicalPlan,
      replaced: PartialFunction[LogicalPlan, LogicalPlan]
  ): util.List[LogicalPlan] = {
    val streams = node.children.filter(_.isStreaming)
    if (streams.exists(_.collectFirst { case it if isStateful(it) => it }.isDefined)) null
    else streams.flatMap(input(node, _, replaced)).asJava
  }

  private def input(
      node: LogicalPlan,
      child: LogicalPlan,
      replaced: PartialFunction[LogicalPlan, LogicalPlan]
  ): Option[LogicalPlan] = {
    val among = node match {
      case aggregate: Aggregate =>
        aggregate.groupingExpressions.collect { case it: Attribute => it }
      case _ => child.output
    }
    among.find(_.metadata.contains(delay)).map { column =>
      val own = child
        .collectFirst { case watermark: EventTimeWatermark => watermark.eventTime.exprId }
        .flatMap(id => child.output.find(_.exprId == id))
      val names = Seq(named(column, compared), named(own.getOrElse(column), eventTime))
      Project(names, child.transformUp(replaced))
    }
  }

  private def named(column: Attribute, name: String): NamedExpression = {
    val time: Expression = column.dataType match {
      case _: StructType => GetStructField(column, 1) // the end of a window
      case _ => column
    }
    Alias(time, name)()
  }

  /** The first of the rows that one row becomes, which always exists. */
  private def first(expand: Expand): LogicalPlan = {
    val columns = expand.projections.head.zip(expand.output)
    val aliases = columns.map { case (from, to) => Alias(from, to.name)(exprId = to.exprId) }
    Project(aliases, expand.child)
  }

  /** What a leaf has read, in the columns of the leaf. */
  private def read(leaf: LogicalPlan, batch: LogicalPlan): LogicalPlan = {
    val columns = batch.output.map(column => column.name -> column).toMap
    Project(leaf.output.map(it => Alias(columns(it.name), it.name)(exprId = it.exprId)), batch)
  }
}
