import sbt._
import sbt.Keys._

/** Writes the kit's version into a Scala source, so that the jar knows it without reading a file at
  * run time.
  */
object BuildInfo {
  def task(packageName: String): Def.Initialize[Task[Seq[File]]] = Def.task {
    val file = (Compile / sourceManaged).value / "BuildInfo.scala"
    val source =
      s"""package $packageName
         |
         |private[testkit] object BuildInfo {
         |  val version: String = "${version.value}"
         |}
         |""".stripMargin
    if (!file.exists || IO.read(file) != source) IO.write(file, source)
    Seq(file)
  }
}
