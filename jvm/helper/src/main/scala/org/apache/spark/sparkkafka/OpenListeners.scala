package org.apache.spark.sparkkafka

import org.apache.spark.SparkContext
import org.apache.spark.scheduler.SparkListenerInterface

/** Spark's queues of listeners, which other packages can't access. */
object OpenListeners {

  /** Removes a listener, if it is one. */
  def remove(context: SparkContext, listener: AnyRef): Unit = listener match {
    case it: SparkListenerInterface => context.listenerBus.removeListener(it)
    case _ => ()
  }
}
