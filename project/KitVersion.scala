import sbt._

/** The kit's version, read from the only file that states it, which is in the Python package. */
object KitVersion {
  private val Line = """__version__ = "([^"]+)"""".r

  def read(root: File): String = {
    val file = root / "python" / "spark_kafka_testkit" / "_version.py"
    IO.readLines(file)
      .collectFirst { case Line(version) => version }
      .getOrElse(sys.error(s"no line __version__ = '...' in $file"))
  }
}
