package sparkkafka.testkit.broker

import java.io.File
import java.nio.file.Files

private[broker] object WorkFolder {

  /** Removes the folder and everything in it. Files that vanish meanwhile are not an error. Links
    * are removed, not followed.
    */
  def delete(folder: File): Unit = {
    if (!Files.isSymbolicLink(folder.toPath)) Option(folder.listFiles()).foreach(_.foreach(delete))
    folder.delete()
    ()
  }
}
