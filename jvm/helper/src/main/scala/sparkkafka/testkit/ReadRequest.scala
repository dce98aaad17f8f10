package sparkkafka.testkit

import com.fasterxml.jackson.databind.JsonNode
import org.apache.kafka.common.IsolationLevel
import sparkkafka.testkit.Converters._

/** What Python asks of a read; the ranges follow when it knows where the topic stands.
  *
  * @param stallMillis
  *   how long no position may move before the read fails; a wait for an open transaction counts as
  *   well
  * @param times
  *   for which offsets are wanted too, in milliseconds since the epoch
  * @param allowDeleted
  *   read on where records were deleted under the read
  */
private[testkit] final case class ReadRequest(
    topic: String,
    isolation: IsolationLevel,
    stallMillis: Long,
    times: Seq[Long],
    allowDeleted: Boolean
)

private[testkit] object ReadRequest {
  def apply(json: JsonNode): ReadRequest = ReadRequest(
    json.get("topic").asText,
    IsolationLevel.valueOf(json.get("isolation").asText.toUpperCase),
    json.get("stall_millis").asLong,
    json.get("times").elements.asScala.map(_.asLong).toList,
    json.get("allow_deleted").asBoolean
  )

  /** `{"0": [start, target, truncated], ...}` */
  def ranges(json: JsonNode): Map[Int, Range] = json.fieldNames.asScala.map { name =>
    val numbers = json.get(name)
    name.toInt -> Range(numbers.get(0).asLong, numbers.get(1).asLong, numbers.get(2).asLong)
  }.toMap
}
