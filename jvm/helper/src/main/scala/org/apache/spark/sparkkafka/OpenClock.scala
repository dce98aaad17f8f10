package org.apache.spark.sparkkafka

import org.apache.spark.util.Clock

/** Spark's clock, which other packages can't access. */
abstract class OpenClock extends Clock

object OpenClock {

  /** The type of Spark's fields that hold a clock. */
  val kind: Class[_] = classOf[Clock]
}
