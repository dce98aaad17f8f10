package sparkkafka.testkit

import java.util.Locale

import com.fasterxml.jackson.databind.JsonNode
import org.apache.kafka.common.IsolationLevel
import sparkkafka.testkit.Converters._

/** What Python wants of a topic, now that it knows the state of the topic.
  *
  * @param stallMillis
  *   how long no position may move before the read fails. A wait for an open transaction counts as
  *   well
  * @param allowDeleted
  *   whether to read on if records are deleted during the read
  */
private[testkit] final case class ReadPlan(
    ranges: Map[Int, Range],
    isolation: IsolationLevel,
    stallMillis: Long,
    allowDeleted: Boolean
)

private[testkit] object ReadPlan {

  /** `{"ranges": {"0": [start, target, truncated], ...}, "isolation": ..., ...}` */
  def apply(json: JsonNode): ReadPlan = {
    val ranges = json.get("ranges")
    ReadPlan(
      ranges.fieldNames.asScala.map { name =>
        val numbers = ranges.get(name)
        name.toInt -> Range(numbers.get(0).asLong, numbers.get(1).asLong, numbers.get(2).asLong)
      }.toMap,
      IsolationLevel.valueOf(json.get("isolation").asText.toUpperCase(Locale.ROOT)),
      json.get("stall_millis").asLong,
      json.get("allow_deleted").asBoolean
    )
  }
}
