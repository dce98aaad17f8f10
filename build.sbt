ThisBuild / organization := "io.github.spark-kafka-testkit"
ThisBuild / version := KitVersion.read((ThisBuild / baseDirectory).value)
ThisBuild / scalaVersion := Versions.scala213
// scalafix reads the 2.13 build, and the 2.12 build has the same sources
val isLint = sys.props.contains("testkit.lint")
ThisBuild / semanticdbVersion := "4.14.2"

val strict =
  Seq("-deprecation", "-feature", "-unchecked", "-Xlint", "-Xfatal-warnings", "-encoding", "UTF-8")

def scalac(binary: String, release: String): Seq[String] = strict ++ Seq("-release", release) ++
  (if (binary == "2.12") Seq("-Ywarn-unused", "-Ywarn-value-discard")
   else Seq("-Wunused", "-Wvalue-discard"))

/** The process that the kit's JVMs live by. It is compiled into both jars, because no class path
  * has the two.
  */
val owner = Def.setting((ThisBuild / baseDirectory).value / "jvm/owner/src/main/scala")

/** Spark's own classes. A compiler does not need their dependencies. */
def spark(baseline: Versions.Spark): Seq[ModuleID] =
  Seq("core", "common-utils", "catalyst", "sql-api", "sql").map(name =>
    ("org.apache.spark" %% s"spark-$name" % baseline.version % Provided).intransitive()
  )

/** One set of sources, built once for each Scala version of a supported Spark. */
def helper(binary: String, release: String): Project = {
  val baseline = Versions.helperBaselines(binary)
  Project(s"helper_${binary.replace(".", "_")}", file(s"jvm/helper/scala-$binary")).settings(
    name := "spark-kafka-testkit",
    scalaVersion := baseline.scala,
    semanticdbEnabled := isLint && binary == "2.13",
    scalacOptions ++= scalac(binary, release),
    Compile / scalaSource := (ThisBuild / baseDirectory).value / "jvm/helper/src/main/scala",
    Compile / unmanagedSourceDirectories ++= Seq(
      (ThisBuild / baseDirectory).value / s"jvm/helper/src/main/scala-$binary",
      owner.value
    ),
    Compile / sourceGenerators += BuildInfo.task("sparkkafka.testkit").taskValue,
    libraryDependencies ++= Seq(
      "org.apache.kafka" % "kafka-clients" % baseline.kafkaClients % Provided,
      "org.apache.arrow" % "arrow-vector" % baseline.arrow % Provided,
      "com.fasterxml.jackson.core" % "jackson-databind" % baseline.jackson % Provided,
      "net.sf.py4j" % "py4j" % baseline.py4j % Provided,
      "org.apache.hadoop" % "hadoop-client-api" % baseline.hadoop % Provided
    ) ++ spark(baseline)
  )
}

/** The suites run on one Scala version, because the sources are the same and the Python tests run
  * on both.
  */
val suites: Seq[Setting[_]] = {
  val baseline = Versions.helperBaselines("2.13")
  Seq(
    Test / scalaSource := (ThisBuild / baseDirectory).value / "jvm/helper/src/test/scala",
    Test / fork := true,
    Test / javaOptions += "--add-opens=java.base/java.nio=ALL-UNNAMED", // for Arrow, as Spark does
    libraryDependencies ++= Seq(
      "org.scalameta" %% "munit" % Versions.munit % Test,
      // the jar meets newer Arrows too, each with one of their allocators
      "org.apache.arrow" % "arrow-vector" % Versions.newest.arrow % Test,
      "org.apache.arrow" % "arrow-memory-unsafe" % Versions.newest.arrow % Test,
      "org.apache.hadoop" % "hadoop-client-runtime" % baseline.hadoop % Test
    )
  )
}

lazy val helper213 = helper("2.13", release = "17").settings(suites)
lazy val helper212 = helper("2.12", release = "8")

lazy val broker = (project in file("jvm/broker"))
  .settings(
    name := "spark-kafka-testkit-broker",
    scalaVersion := Versions.kafkaBrokerScala,
    semanticdbEnabled := isLint,
    scalacOptions ++= scalac("2.13", release = "17"),
    Compile / unmanagedSourceDirectories += owner.value,
    libraryDependencies += "org.apache.kafka" %% "kafka" % Versions.kafkaBroker % Provided
  )

lazy val root = (project in file("."))
  .aggregate(helper213, helper212, broker)
  .settings(
    publish / skip := true,
    stageJars := Jars.stage(
      (ThisBuild / baseDirectory).value / "python/spark_kafka_testkit/jars",
      Map(
        "spark-kafka-testkit_2.13.jar" -> (helper213 / Compile / packageBin).value,
        "spark-kafka-testkit_2.12.jar" -> (helper212 / Compile / packageBin).value,
        "spark-kafka-testkit-broker.jar" -> (broker / Compile / packageBin).value
      )
    ),
    lockJars := Jars.lock(
      (ThisBuild / baseDirectory).value / "python/spark_kafka_testkit/jars/lock.json",
      dependencyResolution.value,
      streams.value.log
    )
  )

lazy val stageJars =
  taskKey[Unit]("Builds the kit's jars and puts them where the Python package looks for them")
lazy val lockJars =
  taskKey[Unit]("Resolves the jars that are fetched at run time and writes their lock file")
