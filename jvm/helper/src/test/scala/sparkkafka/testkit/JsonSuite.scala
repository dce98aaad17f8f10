package sparkkafka.testkit

import munit.FunSuite

class JsonSuite extends FunSuite {

  test("maps, sequences, strings, numbers and booleans are written as JSON's own") {
    val value =
      Map("a" -> Seq[Any](1, 2L, 2.5), "b" -> List[Any]("x", true), "c" -> Vector.empty[Int])
    assertEquals(Json.write(value), """{"a":[1,2,2.5],"b":["x",true],"c":[]}""")
  }

  test("an option is its value or null, however deep it is") {
    assertEquals(Json.write(Map("a" -> Some(1), "b" -> None)), """{"a":1,"b":null}""")
    assertEquals(Json.write(Seq(Some(Map("c" -> None)))), """[{"c":null}]""")
  }

  test("keys that are no strings are written as text") {
    assertEquals(Json.write(Map(0 -> Seq(1))), """{"0":[1]}""")
  }

  test("null is null") {
    assertEquals(Json.write(Map("reason" -> null)), """{"reason":null}""")
  }

  test("what is written is read back as it was") {
    val texts = Seq("", "\"\\\n\t", "ü€😀", "\u0000")
    texts.foreach(text => assertEquals(Json.read(Json.write(text)).asText, text))
    Seq(Long.MaxValue, Long.MinValue, 0L).foreach { number =>
      assertEquals(Json.read(Json.write(number)).asLong, number)
    }
  }

  test("null is read as null, which is not nothing") {
    assert(Json.read("null").isNull)
    assert(Json.read("""{"a": null}""").get("a").isNull)
  }
}
