package sparkkafka.testkit

import munit.FunSuite

class ProgressSuite extends FunSuite {

  private def read(start: Long, target: Long, truncated: Long = 0): Progress =
    new Progress(Range(start, target, truncated))

  test("an empty range is done before it begins") {
    assert(read(5, 5).isDone)
    assert(read(7, 5).isDone)
  }

  test("a partition is done when the position is at the target, whatever records have come") {
    val progress = read(0, 3)
    assert(progress.accept(2))
    assert(!progress.isDone, "the last record alone does not tell")
    assert(progress.moveTo(3))
    assert(progress.isDone)
  }

  test("a record at or past the target is refused, and not counted") {
    val progress = read(0, 3)
    assert(progress.accept(2))
    assert(!progress.accept(3))
    assert(!progress.accept(4))
    assertEquals(progress.toData("count"), 1L: Any)
    assertEquals(progress.toData("last"), Some(2L): Any)
  }

  test("the position moves forwards only") {
    val progress = read(4, 9)
    assert(!progress.moveTo(4), "it is there already")
    assert(progress.moveTo(6))
    assert(!progress.moveTo(5))
    assertEquals(progress.position, 6L)
  }

  test("offsets without a record are told as invisible") {
    val progress = read(10, 15)
    Seq(10L, 12L).foreach(progress.accept)
    progress.moveTo(15)
    assertEquals(
      progress.toData,
      Map[String, Any](
        "beginning" -> 10L,
        "target" -> 15L,
        "count" -> 2L,
        "last" -> Some(12L),
        "invisible" -> 3L,
        "truncated" -> 0L
      )
    )
  }

  test("records deleted before the read are told as truncated, and belong to what was asked for") {
    val progress = read(start = 4, target = 6, truncated = 4)
    Seq(4L, 5L).foreach(progress.accept)
    progress.moveTo(6)
    val data = progress.toData
    assertEquals(data("beginning"), 0L: Any)
    assertEquals(data("truncated"), 4L: Any)
    assertEquals(data("invisible"), 0L: Any)
  }

  test("records deleted under the read are truncated from the position on") {
    val progress = read(0, 10)
    progress.accept(0)
    progress.moveTo(1)
    progress.skipTo(8)
    assertEquals(progress.position, 8L)
    Seq(8L, 9L).foreach(progress.accept)
    progress.moveTo(10)
    val data = progress.toData
    assertEquals(data("count"), 3L: Any)
    assertEquals(data("truncated"), 7L: Any)
    assertEquals(data("invisible"), 0L: Any)
  }

  test("what was deleted past the target is none of the read's") {
    val progress = read(0, 10)
    progress.skipTo(25)
    assert(progress.isDone)
    assertEquals(progress.toData("truncated"), 10L: Any)
    assertEquals(progress.toData("invisible"), 0L: Any)
  }

  test("a range without a record has no last offset") {
    assertEquals(read(3, 3).toData("last"), None: Any)
  }
}
