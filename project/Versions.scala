import sbt.librarymanagement.VersionNumber

/** The one table of versions: what the kit is built against, what it runs, and which Spark each
  * connector belongs to. `sbt lockJars` turns it into the lock file that Python reads.
  */
object Versions {

  /** A Spark release that the kit supports, with what the release ships or its connector brings. */
  final case class Spark(
      version: String,
      scala: String,
      kafkaClients: String,
      hadoop: String,
      arrow: String,
      jackson: String,
      py4j: String
  ) {
    def scalaBinary: String = scala.split('.').take(2).mkString(".")

    /** Sorts older releases first: 4.2.0 before 4.10.0. */
    def order: (Long, Long, Long) = {
      val Seq(major, minor, patch) = VersionNumber(version).numbers
      (major, minor, patch)
    }
  }

  val sparks: Seq[Spark] = Seq(
    Spark(
      "3.5.7",
      scala = "2.12.18",
      kafkaClients = "3.4.1",
      hadoop = "3.3.4",
      arrow = "12.0.1",
      jackson = "2.15.2",
      py4j = "0.10.9.7"
    ),
    Spark(
      "4.0.0",
      scala = "2.13.16",
      kafkaClients = "3.9.0",
      hadoop = "3.4.1",
      arrow = "18.1.0",
      jackson = "2.18.2",
      py4j = "0.10.9.9"
    ),
    Spark(
      "4.1.1",
      scala = "2.13.17",
      kafkaClients = "3.9.1",
      hadoop = "3.4.2",
      arrow = "18.3.0",
      jackson = "2.20.0",
      py4j = "0.10.9.9"
    ),
    Spark(
      "4.2.0",
      scala = "2.13.18",
      kafkaClients = "3.9.2",
      hadoop = "3.5.0",
      arrow = "19.0.0",
      jackson = "2.21.2",
      py4j = "0.10.9.9"
    )
  )

  val newest: Spark = sparks.maxBy(_.order)

  /** The helper is compiled against the oldest Spark of each Scala version, so that one thin jar
    * works with all newer ones.
    */
  val helperBaselines: Map[String, Spark] =
    sparks.groupBy(_.scalaBinary).map { case (binary, its) => binary -> its.minBy(_.order) }

  val scala213: String = helperBaselines("2.13").scala
  val scala212: String = helperBaselines("2.12").scala

  /** The broker of the embedded backend, and the Scala version it is built with. */
  val kafkaBroker = "4.4.0"
  val kafkaBrokerScala = "2.13.18"
  val slf4jBroker = "1.7.36"

  /** The version for the suites, the last one that is not built with a newer Scala 2.13 than the
    * helper.
    */
  val munit = "1.1.1"

  /** What the connector needs besides the jars that every Spark distribution has already. */
  val notInSpark: Seq[String] =
    Seq("spark-sql-kafka-0-10", "spark-token-provider-kafka-0-10", "kafka-clients", "commons-pool2")
}
