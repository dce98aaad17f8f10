package sparkkafka.testkit

import scala.collection.convert.AsJavaExtensions
import scala.collection.convert.AsScalaExtensions

private[testkit] object Converters extends AsJavaExtensions with AsScalaExtensions
