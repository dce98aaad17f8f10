package sparkkafka.testkit

import scala.collection.convert.{DecorateAsJava, DecorateAsScala}

private[testkit] object Converters extends DecorateAsJava with DecorateAsScala
