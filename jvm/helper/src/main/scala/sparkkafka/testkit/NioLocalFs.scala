package sparkkafka.testkit

import java.net.URI
import java.nio.file.FileAlreadyExistsException
import java.nio.file.FileSystemException
import java.nio.file.Files
import java.nio.file.LinkOption.NOFOLLOW_LINKS
import java.nio.file.StandardCopyOption.ATOMIC_MOVE

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs
import org.apache.hadoop.fs.ChecksumFs
import org.apache.hadoop.fs.DelegateToFileSystem
import org.apache.hadoop.fs.FileStatus
import org.apache.hadoop.fs.FsConstants
import org.apache.hadoop.fs.FsServerDefaults
import org.apache.hadoop.fs.LocalFileSystem
import org.apache.hadoop.fs.Path
import org.apache.hadoop.fs.RawLocalFileSystem
import org.apache.hadoop.fs.local.LocalConfigKeys
import org.apache.hadoop.fs.permission.FsPermission

/** Local files for Hadoop's `FileContext`, with which Spark writes its checkpoints. It works like
  * Hadoop's own `LocalFs`, but starts no process for each file.
  */
final class NioLocalFs(uri: URI, conf: Configuration)
    extends ChecksumFs(new NioRawLocalFs(new NioRawLocalFileSystem, uri, conf))

/** The same for Hadoop's `FileSystem`, with which Spark writes all other files and uploads the
  * state of RocksDB.
  */
final class NioLocalFileSystem extends LocalFileSystem(new NioRawLocalFileSystem)

/** `NioLocalFs` without checksums. Hadoop's `RawLocalFs`, whose overrides are repeated here, is
  * closed to other packages. Files are renamed in one step, while Hadoop first looks whether the
  * new name is free.
  */
private[testkit] final class NioRawLocalFs(
    files: NioRawLocalFileSystem,
    uri: URI,
    conf: Configuration
) extends DelegateToFileSystem(uri, files, conf, FsConstants.LOCAL_FS_URI.getScheme, false) {

  override def getUriDefaultPort: Int = -1
  override def getServerDefaults(path: Path): FsServerDefaults = LocalConfigKeys.getServerDefaults
  override def getServerDefaults: FsServerDefaults = LocalConfigKeys.getServerDefaults
  override def isValidName(name: String): Boolean = true

  /** If several rename a file to one free name, one of them succeeds. */
  override def renameInternal(source: Path, target: Path): Unit =
    if (isFile(source) && link(source, target)) Files.delete(files.nioPath(source))
    else super.renameInternal(source, target)

  override def renameInternal(source: Path, target: Path, overwrite: Boolean): Unit =
    if (overwrite && isFile(source) && isFile(target)) {
      val _ = Files.move(files.nioPath(source), files.nioPath(target), ATOMIC_MOVE)
    } else super.renameInternal(source, target, overwrite)

  /** Gives the file a second name, or returns false if the disk has no hard links. */
  private def link(source: Path, target: Path): Boolean =
    try {
      Files.createLink(files.nioPath(target), files.nioPath(source))
      true
    } catch {
      case _: FileAlreadyExistsException =>
        throw new fs.FileAlreadyExistsException(s"rename destination $target already exists.")
      case _: FileSystemException | _: UnsupportedOperationException => false
    }

  private def isFile(path: Path) = Files.isRegularFile(files.nioPath(path), NOFOLLOW_LINKS)
}

/** Hadoop's raw local file system, without its processes. If Hadoop has no native library, its own
  * starts a `chmod` for each file that it makes, and a `readlink` for each that it asks about.
  */
private[testkit] final class NioRawLocalFileSystem extends RawLocalFileSystem {
  import NioRawLocalFileSystem.Mode
  import NioRawLocalFileSystem.SetIds

  override def setPermission(path: Path, permission: FsPermission): Unit = {
    val local = nioPath(path)
    try {
      // chmod leaves these bits of a folder alone too
      val kept = if (Files.isDirectory(local)) mode(path) & SetIds else 0
      val _ = Files.setAttribute(local, Mode, kept | permission.toShort)
    } catch {
      case _: UnsupportedOperationException => super.setPermission(path, permission)
    }
  }

  override def getFileLinkStatus(path: Path): FileStatus =
    if (Files.isSymbolicLink(nioPath(path))) super.getFileLinkStatus(path)
    else getFileStatus(path)

  def mode(path: Path): Int = Files.getAttribute(nioPath(path), Mode).asInstanceOf[Int]

  def nioPath(path: Path): java.nio.file.Path = pathToFile(path).toPath
}

private object NioRawLocalFileSystem {
  val Mode = "unix:mode"
  val SetIds: Int = Integer.parseInt("6000", 8)
}
