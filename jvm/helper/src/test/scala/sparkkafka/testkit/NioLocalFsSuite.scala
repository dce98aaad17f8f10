package sparkkafka.testkit

import java.io.FileNotFoundException
import java.nio.file.Files
import java.util.EnumSet
import java.util.concurrent.Callable
import java.util.concurrent.CyclicBarrier
import java.util.concurrent.Executors

import scala.util.Try

import munit.FunSuite
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.CreateFlag
import org.apache.hadoop.fs.FileAlreadyExistsException
import org.apache.hadoop.fs.FileContext
import org.apache.hadoop.fs.FsConstants.LOCAL_FS_URI
import org.apache.hadoop.fs.Options.Rename.NONE
import org.apache.hadoop.fs.Options.Rename.OVERWRITE
import org.apache.hadoop.fs.Path
import org.apache.hadoop.fs.RawLocalFileSystem
import org.apache.hadoop.fs.permission.FsPermission

/** Compares it with Hadoop's own. */
class NioLocalFsSuite extends FunSuite {

  private val hadoops = FileContext.getFileContext(new Configuration)
  private val ours = {
    val conf = new Configuration
    conf.set("fs.AbstractFileSystem.file.impl", classOf[NioLocalFs].getName)
    FileContext.getFileContext(conf)
  }
  private val both = Seq(hadoops, ours)

  private val folder = FunFixture[Path](
    _ => new Path(Files.createTempDirectory("nio").toUri),
    folder => { val _ = hadoops.delete(folder, true) }
  )

  private def write(files: FileContext, path: Path, text: String): Unit = {
    val out = files.create(path, EnumSet.of(CreateFlag.CREATE, CreateFlag.OVERWRITE))
    out.write(text.getBytes)
    out.close()
  }

  private def read(files: FileContext, path: Path): String = {
    val in = files.open(path)
    try new String(in.readAllBytes())
    finally in.close()
  }

  private def local(path: Path) = java.nio.file.Paths.get(path.toUri)

  private def checksums(path: Path): Path = new Path(path.getParent, s".${path.getName}.crc")

  test("the setting is taken") {
    assertEquals(ours.getDefaultFileSystem.getClass.getName, classOf[NioLocalFs].getName)
  }

  folder.test("files and checksums are the same, and each reads those of the other") { folder =>
    val text = "x" * 5000
    val paths = both.zip(Seq("hadoops", "ours")).map { case (files, name) =>
      val path = new Path(folder, name)
      write(files, path, text)
      path
    }
    val sums = paths.map(path => Files.readAllBytes(local(checksums(path))).toSeq)
    assertEquals(sums(1), sums(0))
    for (files <- both; path <- paths) assertEquals(read(files, path), text)
  }

  folder.test("permissions are what chmod makes of them") { folder =>
    val raws = Seq(new RawLocalFileSystem, new NioRawLocalFileSystem)
    raws.foreach(_.initialize(folder.toUri, new Configuration))
    val asked = Seq("0644", "0600", "0755", "1777", "0000", "0070")
    val seen = raws.map { raw =>
      val its = new Path(folder, raw.getClass.getSimpleName)
      for (mode <- asked; isFolder <- Seq(true, false); before <- Seq("755", "2755", "6755"))
        yield {
          val path = new Path(its, s"$mode-$isFolder-$before")
          if (isFolder) raw.mkdirs(path) else raw.create(path).close()
          Files.setAttribute(local(path), "unix:mode", Integer.parseInt(before, 8))
          raw.setPermission(path, new FsPermission(mode))
          path.getName -> Files.getAttribute(local(path), "unix:mode")
        }
    }
    assertEquals(seen(1), seen(0))
  }

  folder.test("new files and folders have the permissions of Hadoop's") { folder =>
    val modes = both.zip(Seq("a", "b")).map { case (files, name) =>
      val its = new Path(folder, name)
      files.mkdir(its, FsPermission.getDirDefault, true)
      write(files, new Path(its, "file"), "text")
      Seq(its, new Path(its, "file"), new Path(its, ".file.crc"))
        .map(path => Files.getAttribute(local(path), "unix:mode"))
    }
    assertEquals(modes(1), modes(0))
  }

  folder.test("a link is told from a file, and from nothing") { folder =>
    write(ours, new Path(folder, "file"), "text")
    Files.createSymbolicLink(local(folder).resolve("link"), local(folder).resolve("file"))
    Files.createSymbolicLink(local(folder).resolve("dangling"), local(folder).resolve("nothing"))
    def told(files: FileContext) = Seq("file", "link", "dangling", "nothing").map { name =>
      val path = new Path(new Path(folder.toUri.getPath), name) // Hadoop's fails with a scheme
      Try(files.getFileLinkStatus(path)).toOption.map(one => (one.isSymlink, one.getLen))
    }
    assertEquals(told(ours), told(hadoops))
  }

  folder.test("a rename takes the checksums along") { folder =>
    val source = new Path(folder, "source")
    for (option <- Seq(NONE, OVERWRITE, OVERWRITE)) {
      write(ours, source, s"text $option")
      val target = new Path(folder, s"target-$option")
      ours.rename(source, target, option)
      both.foreach(files => assertEquals(read(files, target), s"text $option"))
    }
    val targets = Set("target-NONE", "target-OVERWRITE")
    assertEquals(local(folder).toFile.list.toSet, targets ++ targets.map(name => s".$name.crc"))
  }

  folder.test("a name that is taken stays, and so does what was to get it") { folder =>
    val source = new Path(folder, "source")
    val target = new Path(folder, "target")
    write(ours, source, "new")
    write(ours, target, "old")
    intercept[FileAlreadyExistsException](ours.rename(source, target, NONE))
    assertEquals(read(hadoops, target), "old")
    assertEquals(read(hadoops, source), "new")
  }

  folder.test("a file that is not there can't be renamed") { folder =>
    for (files <- both; option <- Seq(NONE, OVERWRITE)) {
      val path = new Path(folder, "nothing")
      intercept[FileNotFoundException](files.rename(path, new Path(folder, "target"), option))
    }
  }

  folder.test("a folder is renamed as Hadoop does it") { folder =>
    val source = new Path(folder, "source")
    ours.mkdir(source, FsPermission.getDirDefault, true)
    write(ours, new Path(source, "file"), "text")
    ours.rename(source, new Path(folder, "target"), NONE)
    assertEquals(read(ours, new Path(folder, "target/file")), "text")
  }

  folder.test("of two that rename to one name at once, one succeeds") { folder =>
    val rivals = Executors.newFixedThreadPool(2)
    val raw = new NioRawLocalFs(new NioRawLocalFileSystem, LOCAL_FS_URI, new Configuration)
    val start = new CyclicBarrier(2)
    try
      for (round <- 1 to 200) {
        val target = new Path(folder, s"target-$round")
        val sources = Seq("a", "b").map(name => new Path(folder, s"$name-$round"))
        sources.foreach(source => write(ours, source, source.getName))
        val renames = sources.map { source =>
          rivals.submit(new Callable[Try[Unit]] {
            // skips the check of the name, which mostly hides the race
            override def call(): Try[Unit] = {
              val _ = start.await()
              Try(raw.renameInternal(source, target))
            }
          })
        }
        val done = renames.map(_.get)
        assertEquals(done.count(_.isSuccess), 1, done.toString)
        val winner = sources(done.indexWhere(_.isSuccess))
        assertEquals(new String(Files.readAllBytes(local(target))), winner.getName)
      }
    finally rivals.shutdown()
  }
}
