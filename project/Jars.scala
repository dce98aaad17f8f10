import sbt._
import sbt.librarymanagement.{
  DependencyResolution,
  UnresolvedWarningConfiguration,
  UpdateConfiguration
}

/** The jars that go into the Python package, and the lock of those that are fetched when they are
  * first needed.
  */
object Jars {

  /** Copies only what has changed. An unchanged jar keeps its time stamp, which class-data archives
    * depend on.
    */
  def stage(folder: File, jars: Map[String, File]): Unit = jars.foreach { case (name, built) =>
    val staged = folder / name
    if (!staged.exists || !Hash(built).sameElements(Hash(staged))) IO.copyFile(built, staged)
  }

  def lock(file: File, resolution: DependencyResolution, log: Logger): Unit = {
    val broker = resolve(
      resolution,
      log,
      "org.apache.kafka" % "kafka_2.13" % Versions.kafkaBroker,
      "org.slf4j" % "slf4j-simple" % Versions.slf4jBroker
    )
    val connectors = Versions.sparks.map { spark =>
      val found = resolve(
        resolution,
        log,
        "org.apache.spark" % s"spark-sql-kafka-0-10_${spark.scalaBinary}" % spark.version
      )
      val lacking = found.filter { case (module, _) =>
        Versions.notInSpark.exists(module.name.startsWith)
      }
      val jars = entries(lacking, "      ")
      s"""    "${spark.version}": {"scala": "${spark.scalaBinary}", "jars": $jars}"""
    }
    val brokerJars = entries(broker, "    ")
    IO.write(
      file,
      s"""{
         |  "broker": {"kafka": "${Versions.kafkaBroker}", "jars": $brokerJars},
         |  "connectors": {
         |${connectors.mkString(",\n")}
         |  }
         |}
         |""".stripMargin
    )
  }

  private def resolve(
      resolution: DependencyResolution,
      log: Logger,
      modules: ModuleID*
  ): Seq[(ModuleID, File)] = {
    val descriptor = resolution.moduleDescriptor(
      "io.github.spark-kafka-testkit" % "lock" % "0",
      modules.toVector.map(_.withConfigurations(Some("compile"))),
      None
    )
    val report = resolution
      .update(descriptor, UpdateConfiguration(), UnresolvedWarningConfiguration(), log)
      .fold(e => throw e.resolveException, report => report)
    report.configurations
      .filter(_.configuration.name == "runtime")
      .flatMap(_.modules)
      .flatMap(module =>
        module.artifacts.collect {
          case (artifact, jar) if artifact.extension == "jar" => module.module -> jar
        }
      )
      .groupBy { case (module, _) => (module.organization, module.name) }
      .toSeq
      .sortBy { case (name, _) => name }
      .map { case (_, found) => found.head }
  }

  private def entries(jars: Seq[(ModuleID, File)], indent: String): String = jars
    .map { case (module, jar) =>
      val coordinate = s"${module.organization}:${module.name}:${module.revision}"
      require(
        jar.getName == s"${module.name}-${module.revision}.jar",
        s"$coordinate resolved to ${jar.getName}"
      )
      s"""{"coordinate": "$coordinate", "sha256": "${sha256(jar)}", "size": ${jar.length}}"""
    }
    .mkString(s"[\n$indent", s",\n$indent", "]")

  private def sha256(file: File): String =
    java.security.MessageDigest
      .getInstance("SHA-256")
      .digest(IO.readBytes(file))
      .map(byte => f"${byte & 0xff}%02x")
      .mkString
}
