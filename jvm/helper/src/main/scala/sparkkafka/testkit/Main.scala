package sparkkafka.testkit

import java.io.InputStream
import java.nio.charset.StandardCharsets.US_ASCII

import sparkkafka.testkit.owner.Owner

/** The helper in its own JVM, for Python processes without a classic Spark session.
  *
  * The first line of stdin is the secret that every caller must know, because others could read an
  * argument or a variable. `READY <port>` on stdout reports where the py4j gateway listens, on
  * loopback. The process lives until its stdin ends, which happens when its owner closes it or
  * dies, in whatever way.
  */
object Main {
  private val graceMillis = 5000L

  def main(args: Array[String]): Unit = {
    val secret = readLine(System.in)
    val owner = new Owner(System.in, graceMillis)
    if (secret.nonEmpty) {
      val gateway = new LoopbackGateway(secret)
      System.out.println(s"READY ${gateway.port}")
      System.out.flush()
      owner.awaitGone()
    }
    System.exit(0)
  }

  private def readLine(in: InputStream): String =
    new String(
      Iterator.continually(in.read()).takeWhile(b => b != -1 && b != '\n').map(_.toByte).toArray,
      US_ASCII
    )
}
