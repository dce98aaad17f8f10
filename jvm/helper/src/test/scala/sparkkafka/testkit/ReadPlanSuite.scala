package sparkkafka.testkit

import java.util.Locale

import munit.FunSuite
import org.apache.kafka.common.IsolationLevel

class ReadPlanSuite extends FunSuite {

  private def plan(
      ranges: String = "{}",
      isolation: String = "read_committed",
      allowDeleted: Boolean = false
  ): ReadPlan = ReadPlan(
    Json.read(
      s"""{"ranges": $ranges, "isolation": "$isolation", "stall_millis": 1500, "allow_deleted": $allowDeleted}"""
    )
  )

  test("a range is start, target and truncated, by the number of its partition") {
    assertEquals(
      plan("""{"0": [3, 7, 0], "11": [20000000000, 20000000001, 5]}""").ranges,
      Map(0 -> Range(3, 7, 0), 11 -> Range(20000000000L, 20000000001L, 5))
    )
  }

  test("no ranges are none") {
    assertEquals(plan().ranges, Map.empty[Int, Range])
  }

  test("the time and what is allowed are as Python sent them") {
    assertEquals(plan().stallMillis, 1500L)
    assertEquals(plan(allowDeleted = true).allowDeleted, true)
    assertEquals(plan(allowDeleted = false).allowDeleted, false)
  }

  test("both levels of isolation are known, in every language of the machine") {
    val before = Locale.getDefault
    try
      Seq("en", "tr").foreach { language =>
        Locale.setDefault(Locale.forLanguageTag(language))
        assertEquals(plan(isolation = "read_committed").isolation, IsolationLevel.READ_COMMITTED)
        assertEquals(
          plan(isolation = "read_uncommitted").isolation,
          IsolationLevel.READ_UNCOMMITTED
        )
      }
    finally Locale.setDefault(before)
  }
}
