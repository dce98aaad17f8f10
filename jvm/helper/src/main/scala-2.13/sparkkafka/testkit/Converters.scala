package sparkkafka.testkit

import scala.collection.convert.{AsJavaExtensions, AsScalaExtensions}

private[testkit] object Converters extends AsJavaExtensions with AsScalaExtensions
