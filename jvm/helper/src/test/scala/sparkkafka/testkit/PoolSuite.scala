package sparkkafka.testkit

import munit.FunSuite

class PoolSuite extends FunSuite {

  private final class Client(val kind: String) extends AutoCloseable {
    var closed = 0
    override def close(): Unit = closed += 1
  }

  test("an empty pool has none to give") {
    assertEquals(new Pool[Client].take(_ => true), None)
  }

  test("what was given back is lent again, to one at a time") {
    val pool = new Pool[Client]
    val client = new Client("a")
    pool.giveBack(client)
    assert(pool.take(_ => true).exists(_ eq client))
    assertEquals(pool.take(_ => true), None)
    assertEquals(client.closed, 0)
  }

  test("one that does not fit stays for others") {
    val pool = new Pool[Client]
    val a = new Client("a")
    val b = new Client("b")
    Seq(a, b).foreach(pool.giveBack)
    assert(pool.take(_.kind == "b").exists(_ eq b))
    assertEquals(pool.take(_.kind == "b"), None)
    assert(pool.take(_.kind == "a").exists(_ eq a))
  }

  test("the end closes those that nobody uses, each once, and lends them no more") {
    val pool = new Pool[Client]
    val clients = Seq(new Client("a"), new Client("b"))
    clients.foreach(pool.giveBack)
    pool.close()
    pool.close()
    assertEquals(clients.map(_.closed), Seq(1, 1))
    assertEquals(pool.take(_ => true), None)
  }

  test("one that was lent at the end is closed when it comes back") {
    val pool = new Pool[Client]
    val client = new Client("a")
    pool.giveBack(client)
    pool.take(_ => true)
    pool.close()
    assertEquals(client.closed, 0)
    pool.giveBack(client)
    assertEquals(client.closed, 1)
    assertEquals(pool.take(_ => true), None)
  }
}
