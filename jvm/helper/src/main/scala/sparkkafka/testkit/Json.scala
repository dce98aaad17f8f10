package sparkkafka.testkit

import java.util.ArrayList
import java.util.LinkedHashMap

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.ObjectMapper

/** JSON text, by the Jackson that Spark ships. It is written from Scala's maps, sequences, strings,
  * numbers and booleans, and read into Jackson's tree.
  */
private[testkit] object Json {
  private val mapper = new ObjectMapper

  def write(value: Any): String = mapper.writeValueAsString(toJava(value))

  def read(text: String): JsonNode = mapper.readTree(text)

  private def toJava(value: Any): Any = value match {
    case map: scala.collection.Map[_, _] =>
      val out = new LinkedHashMap[String, Any]
      map.foreach { case (key, item) => out.put(key.toString, toJava(item)) }
      out
    case items: Iterable[_] =>
      val out = new ArrayList[Any]
      items.foreach(item => out.add(toJava(item)))
      out
    case Some(item) => toJava(item)
    case None => null
    case other => other
  }
}
