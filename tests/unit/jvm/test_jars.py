"""Jars: found in one order, fetched once, verified, safe under concurrency; and which
connector is that of a Spark.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from spark_kafka_testkit._jvm import jars as _jars
from spark_kafka_testkit._jvm.jars import LockedJar, connector_jars, fetch, own_jar
from spark_kafka_testkit.errors import JarError


class Repository:
    """A real Maven repository on loopback, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        repository = self

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                repository.asked.append(self.path)

        handler = partial(Handler, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, name: str, content: bytes) -> LockedJar:
        digest = hashlib.sha256(content).hexdigest()
        jar = LockedJar(f"org.test:{name}:1.0", digest, len(content))
        path = self.folder / jar.path
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return jar


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    served = Repository(tmp_path / "repository")
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_MAVEN_URL", served.url)
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "cache"))
    yield served
    served.server.shutdown()
    served.server.server_close()


def test_a_coordinate_gives_the_path_in_a_repository() -> None:
    """Dots of the group become folders, those of artifact and version stay."""
    jar = LockedJar("org.test.sub:some-jar_2.13:1.0", "0" * 64, 1000)
    assert jar.path == "org/test/sub/some-jar_2.13/1.0/some-jar_2.13-1.0.jar"


def test_jars_are_fetched_once(repository: Repository) -> None:
    """The second time nothing is asked for."""
    jars = [repository.add(f"jar{n}", bytes([n]) * 1000) for n in range(5)]
    paths = fetch(jars, "test jars")
    assert [path.read_bytes() for path in paths] == [
        bytes([n]) * 1000 for n in range(5)
    ]
    assert sorted(repository.asked) == sorted(f"/{jar.path}" for jar in jars)
    assert fetch(jars, "test jars") == paths
    assert len(repository.asked) == 5


def test_a_jar_that_is_not_the_locked_one_is_not_kept(
    repository: Repository, tmp_path: Path
) -> None:
    """Its checksum is in the error, and the file is gone."""
    jar = repository.add("jar", b"as it should be")
    (repository.folder / jar.path).write_bytes(b"as it should NOT")
    sha256 = hashlib.sha256(b"as it should NOT").hexdigest()
    with pytest.raises(JarError) as caught:
        fetch([jar], "test jars")
    assert str(caught.value) == (
        f"{repository.url}/{jar.path} is not the jar that the lock file names: its "
        f"sha256 is {sha256}, expected {jar.sha256}. Nothing was kept. Check the "
        "mirror that SPARK_KAFKA_TESTKIT_MAVEN_URL names."
    )
    assert [p for p in (tmp_path / "cache").rglob("*.jar*") if p.is_file()] == []


def test_a_jar_that_the_repository_lacks_is_named(
    repository: Repository, tmp_path: Path
) -> None:
    """The error has both remedies."""
    jar = LockedJar("org.test:absent:1.0", "0" * 64, 1)
    with pytest.raises(JarError) as caught:
        fetch([jar], "test jars")
    assert str(caught.value) == (
        f"{repository.url}/{jar.path} can't be fetched: HTTP Error 404: File not found. "
        "Either set SPARK_KAFKA_TESTKIT_MAVEN_URL to a Maven repository that this "
        f"machine reaches, or copy the folder {tmp_path / 'cache'} from a machine where "
        "the kit has run."
    )


def test_a_cached_jar_that_was_cut_short_is_fetched_anew(
    repository: Repository,
) -> None:
    """Its size gives it away."""
    jar = repository.add("jar", b"x" * 1000)
    (path,) = fetch([jar], "test jars")
    path.write_bytes(b"x" * 10)
    fetch([jar], "test jars")
    assert path.read_bytes() == b"x" * 1000


def test_processes_side_by_side_fetch_each_jar_once(repository: Repository) -> None:
    """One downloads, the others wait for it."""
    jars = [repository.add(f"jar{n}", bytes([n]) * 200_000) for n in range(4)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        results = pool.starmap(fetch, [(jars, "test jars")] * 3)
    assert results[0] == results[1] == results[2]
    assert len(repository.asked) == 4


def test_a_cache_that_can_not_be_written_is_reported(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting to change is named."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        JarError, match="Set SPARK_KAFKA_TESTKIT_CACHE to a writable folder"
    ):
        fetch([repository.add("jar", b"x")], "test jars")


def test_own_jars_are_looked_for_where_the_user_says_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPARK_KAFKA_TESTKIT_JARS comes first, then the package."""
    bundled = own_jar("spark-kafka-testkit_2.13.jar")
    assert bundled.parent == _jars.BUNDLED
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_JARS", str(tmp_path))
    assert own_jar("spark-kafka-testkit_2.13.jar") == bundled
    (tmp_path / "spark-kafka-testkit_2.13.jar").touch()
    assert own_jar("spark-kafka-testkit_2.13.jar").parent == tmp_path


def test_a_missing_jar_names_every_place_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how to build it."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_JARS", str(tmp_path))
    with pytest.raises(JarError) as caught:
        own_jar("other.jar")
    assert str(caught.value) == (
        "The jar other.jar was not found. Tried:\n"
        f"  {tmp_path / 'other.jar'}\n"
        f"  {_jars.BUNDLED / 'other.jar'}\n"
        "In a checkout, build it with ./ci/setup, or set SPARK_KAFKA_TESTKIT_JARS to a "
        "folder that contains it."
    )


def test_the_lock_file_is_whole() -> None:
    """Every jar has a checksum and a size; each supported Spark has its connector."""
    assert _jars.connector_versions() == ["3.5.7", "4.0.0", "4.1.1", "4.2.0"]
    sets = [_jars.broker_jars()]
    for version in _jars.connector_versions():
        scala = "2.12" if version.startswith("3") else "2.13"
        connector = _jars.connector_jars(version, scala)
        assert connector is not None
        assert [jar.coordinate.split(":")[1].split("_")[0] for jar in connector] == [
            "commons-pool2",
            "kafka-clients",
            "spark-sql-kafka-0-10",
            "spark-token-provider-kafka-0-10",
        ]
        sets.append(connector)
    for jars in sets:
        assert len({jar.coordinate.rpartition(":")[0] for jar in jars}) == len(jars)
        assert all(
            len(bytes.fromhex(jar.sha256)) == 32 and jar.size > 0 for jar in jars
        )


@pytest.mark.parametrize(
    ("spark", "scala"), [("3.4.0", "2.12"), ("4.2.0", "2.12"), ("3.5.7", "2.13")]
)
def test_no_connector_is_guessed(spark: str, scala: str) -> None:
    """There is none for a Spark whose minor version is not locked, nor for another
    Scala.
    """
    assert connector_jars(spark, scala) is None


@pytest.mark.parametrize(
    ("spark", "scala", "nearest"),
    [
        ("4.2.1", "2.13", "4.2.0"),
        ("4.1.0", "2.13", "4.1.1"),
        ("4.1.14", "2.13", "4.1.1"),
        ("3.5.4-amzn-0", "2.12", "3.5.7"),
        ("4.0.0-preview1", "2.13", "4.0.0"),
    ],
)
def test_another_patch_version_gets_the_nearest_connector(
    spark: str, scala: str, nearest: str
) -> None:
    """It is one of the same minor version."""
    assert _jars.nearest_connector(spark, scala) == nearest
    assert connector_jars(spark, scala) == connector_jars(nearest, scala)
    assert _jars.connector_scala(spark) == scala
    clients = _jars.kafka_clients(spark)
    assert clients in (connector_jars(nearest, scala) or [])


def test_of_two_connectors_as_near_the_newer_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Versions go by number, not by letter."""
    locked = {f"4.2.{n}": {"scala": "2.13", "jars": []} for n in (8, 10, 12)}
    monkeypatch.setattr(_jars, "_lock", lambda: {"connectors": locked})
    assert _jars.nearest_connector("4.2.9", "2.13") == "4.2.10"
    assert _jars.nearest_connector("4.2.0", "2.13") == "4.2.8"
    assert _jars.nearest_connector("4.2.99", "2.13") == "4.2.12"


@pytest.mark.parametrize("spark", _jars.connector_versions())
def test_the_connector_is_that_of_its_spark(spark: str) -> None:
    """The locked versions are not mixed up between the sets."""
    scala = "2.12" if spark.startswith("3.") else "2.13"
    jars = connector_jars(spark, scala) or []
    assert [jar.coordinate for jar in jars if "org.apache.spark" in jar.coordinate] == [
        f"org.apache.spark:spark-sql-kafka-0-10_{scala}:{spark}",
        f"org.apache.spark:spark-token-provider-kafka-0-10_{scala}:{spark}",
    ]
