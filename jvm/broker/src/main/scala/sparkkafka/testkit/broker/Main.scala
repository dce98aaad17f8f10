package sparkkafka.testkit.broker

import java.io.File
import java.io.FileInputStream
import java.util.Properties

import sparkkafka.testkit.owner.Owner

/** Runs one throw-away Kafka node for the process that started it.
  *
  * {{{java -cp <launcher and broker jars> sparkkafka.testkit.broker.Main <work folder>}}}
  *
  * The work folder holds `server.properties`, and the node's data goes there too. One line on
  * stdout, `READY` or `FAILED <reason>`, reports how the start went. The node lives until its stdin
  * ends, which happens when its owner closes it or dies, in whatever way. Then it removes the work
  * folder and exits.
  */
object Main {
  private val graceMillis = 10000L

  def main(args: Array[String]): Unit = {
    val workFolder = new File(args(0))
    val owner = new Owner(System.in, graceMillis, () => WorkFolder.delete(workFolder))
    val node = new Node(load(new File(workFolder, "server.properties")))
    report(try {
      node.start(); "READY"
    } catch { case failure: Throwable => failure.printStackTrace(); s"FAILED ${oneLine(failure)}" })
    owner.awaitGone()
    node.stop()
    WorkFolder.delete(workFolder)
    System.exit(0)
  }

  private def report(line: String): Unit = {
    System.out.println(line)
    System.out.flush()
  }

  private def oneLine(failure: Throwable): String = failure.toString.replaceAll("\\s+", " ")

  private def load(file: File): Properties = {
    val properties = new Properties
    val in = new FileInputStream(file)
    try properties.load(in)
    finally in.close()
    properties
  }
}
