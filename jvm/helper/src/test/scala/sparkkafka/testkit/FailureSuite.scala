package sparkkafka.testkit

import munit.FunSuite

class FailureSuite extends FunSuite {
  private val cause = new RuntimeException("no answer in time")

  /** The codes are the classes of `errors.py`, and the data are the keywords of their constructors.
    */
  private def assertCrosses(failure: Failure, code: String, data: (String, Any)*): Unit = {
    assertEquals(failure.code, code)
    assertEquals(failure.data, data.toMap)
    val crossing = Failure.toData(failure)
    assertEquals(crossing.keySet, Set("code", "data", "trace"))
    assertEquals(crossing("code"), code: Any)
    assertEquals(crossing("data"), data.toMap: Any)
  }

  test("an unknown topic has its name") {
    assertCrosses(Failure.unknownTopic("t"), "UnknownTopicError", "topic" -> "t")
  }

  test("an unreachable broker has the address and the client's text") {
    assertCrosses(
      Failure.brokerUnreachable("127.0.0.1:1", cause),
      "BrokerUnreachableError",
      "bootstrap_servers" -> "127.0.0.1:1",
      "reason" -> "no answer in time"
    )
  }

  test("a read that timed out has how far each partition came") {
    val states = Seq(
      Failure.PartitionState(0, position = 3, target = 9, stable = 3, producers = Seq(7L)),
      Failure.PartitionState(2, position = 0, target = 1, stable = 1, producers = Nil)
    )
    assertCrosses(
      Failure.readTimeout("t", 1.5, states),
      "ReadTimeoutError",
      "topic" -> "t",
      "seconds" -> 1.5,
      "partitions" -> Seq(
        Map[String, Any](
          "partition" -> 0,
          "position" -> 3L,
          "target" -> 9L,
          "stable" -> 3L,
          "producers" -> Seq(7L)
        ),
        Map[String, Any](
          "partition" -> 2,
          "position" -> 0L,
          "target" -> 1L,
          "stable" -> 1L,
          "producers" -> Nil
        )
      )
    )
  }

  test("deleted records have their offsets") {
    assertCrosses(
      Failure.recordsDeleted("t", 1, start = 5, end = 8),
      "RecordsDeletedError",
      "topic" -> "t",
      "partition" -> 1,
      "start" -> 5L,
      "end" -> 8L
    )
  }

  test("a changed topic has what became of it") {
    assertCrosses(
      Failure.topicChanged("t", "recreated"),
      "TopicChangedError",
      "topic" -> "t",
      "change" -> "recreated"
    )
  }

  test("what has no class of its own has a reason") {
    assertCrosses(Failure.internal("it is odd"), "HelperError", "reason" -> "it is odd")
  }

  test("any other throwable crosses with its class, its text and its trace") {
    val crossing = Failure.toData(new IllegalStateException("odd", cause))
    assertEquals(crossing("code"), "HelperError": Any)
    assertEquals(
      crossing("data"),
      Map("reason" -> "java.lang.IllegalStateException: odd"): Any
    )
    val trace = crossing("trace").toString
    assert(trace.startsWith("java.lang.IllegalStateException: odd"), trace)
    assert(trace.contains("Caused by: java.lang.RuntimeException: no answer in time"), trace)
  }

  test("the trace has the cause of a failure of ours, where it has one") {
    def trace(failure: Failure): String = Failure.toData(failure)("trace").toString
    assert(trace(Failure.unknownTopic("t", Some(cause))).contains("Caused by: "))
    assert(!trace(Failure.unknownTopic("t")).contains("Caused by: "))
  }

  test("every failure can be written as JSON") {
    val frame = Json.read(Json.write(Failure.toData(Failure.recordsDeleted("t", 1, 5, 8))))
    assertEquals(frame.get("data").get("end").asLong, 8L)
  }

  test("silence is an unreachable broker, and nothing else") {
    val silence = Failure.brokerUnreachable("127.0.0.1:1", cause)
    val others = Seq(Failure.unknownTopic("t"), Failure.internal("odd"), cause)
    assertEquals(Failure.Silence.unapply(silence), Some(silence))
    others.foreach(thrown => assertEquals(Failure.Silence.unapply(thrown), None))
  }
}
