package sparkkafka.testkit

import java.util.Locale
import java.util.Properties
import java.util.TimeZone

import org.apache.hadoop.fs.FileSystem

/** A JVM of Spark that stays between runs: what a run may leave in it, or change for good. What
  * belongs to a context ends with the context, which Python stops.
  */
private[testkit] object KeptJvm {
  private final case class Defaults(properties: Properties, zone: TimeZone, locale: Locale)

  @volatile private var noted: Option[Defaults] = None

  /** Notes what `tidy` has to restore. */
  def remember(): Unit = {
    val properties = new Properties
    properties.putAll(System.getProperties)
    noted = Some(Defaults(properties, TimeZone.getDefault, Locale.getDefault))
  }

  def tidy(): Unit = {
    noted.foreach { defaults =>
      val properties = new Properties
      properties.putAll(defaults.properties)
      System.setProperties(properties)
      TimeZone.setDefault(defaults.zone)
      Locale.setDefault(defaults.locale)
    }
    FileSystem.closeAll() // they keep the settings of the run that first asked for them
  }

  /** Interrupts the threads whose name begins with this. A query that waits for data would go on
    * after its context has stopped.
    *
    * @return
    *   how many are still there after this many milliseconds
    */
  def interrupt(name: String, millis: Long): Int = {
    val deadline = System.nanoTime + millis * 1000000
    var threads = Threads.named(name)
    while (threads.nonEmpty && System.nanoTime < deadline) {
      threads.foreach(_.interrupt())
      threads.foreach(_.join(50))
      threads = Threads.named(name)
    }
    threads.size
  }

  /** The share of its memory that is in use after a collection, from 0 to 1. */
  def fullness(): Double = {
    System.gc()
    val runtime = Runtime.getRuntime
    (runtime.totalMemory - runtime.freeMemory).toDouble / runtime.maxMemory.toDouble
  }
}
