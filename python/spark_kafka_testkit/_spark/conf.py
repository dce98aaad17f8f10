"""The settings of a new session: helper, connector, and what makes tests fast."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from spark_kafka_testkit._jvm.installed_spark import (
    CONNECTOR,
    SparkVersion,
    spark_and_jars,
)
from spark_kafka_testkit._jvm.jars import (
    MAVEN_CENTRAL,
    MAVEN_ENV,
    connector_jars,
    fetch,
)
from spark_kafka_testkit._jvm.java import (
    drivers_options,
    names_archive,
    names_collector,
)
from spark_kafka_testkit._jvm.maven import Repository
from spark_kafka_testkit._jvm.spark_jvm import CONNECTOR_CLASS, finds_class
from spark_kafka_testkit._spark.archive import SparkArchive, record_beside
from spark_kafka_testkit._spark.local_files import file_settings
from spark_kafka_testkit._spark.loopback import driver_settings, may_be_local
from spark_kafka_testkit._spark.python_workers import worker_settings
from spark_kafka_testkit._spark.submit import default_settings, submitted_settings

__all__ = [
    "CLASS_PATH",
    "DEFAULT_OPTIONS",
    "DRIVER_OPTIONS",
    "archive_of",
    "connector_of",
    "not_locked",
    "plan",
    "repository",
    "spark_conf",
    "submit_arguments",
]


log = logging.getLogger("spark_kafka_testkit")

# These make the small queries of tests fast, and change no result.
QUICK = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
}
CLASS_PATH = "spark.driver.extraClassPath"
DEFAULT_OPTIONS = "spark.driver.defaultJavaOptions"
DRIVER_OPTIONS = "spark.driver.extraJavaOptions"
QUICK_COLLECTOR = "-XX:+UseSerialGC"
# Thorough compilation pays off after minutes, when tests are done.
QUICK_COMPILER = "-XX:TieredStopAtLevel=1"
# With only one compiler Java reserves 48 MB for code. A long suite fills that, and then
# Java stops compiling.
CODE_ROOM = "-XX:ReservedCodeCacheSize=240m"
COMPILER = re.compile(
    r"-XX:TieredStopAtLevel=.*|-XX:[+-]TieredCompilation|-Xint|-Xcomp"
)


def spark_conf(conf: Mapping[str, str] | None = None) -> dict[str, str]:
    """The settings described in `KafkaUtils.spark_conf`."""
    settings, archive = plan(conf)
    if archive is None:
        return settings
    if archive.obstacle:
        log.info("Spark's JVM starts without a class archive: %s", archive.obstacle)
    if archive.is_lacking:
        record_beside(settings)
    for flag in archive.flags:
        _append(settings, {}, DRIVER_OPTIONS, flag, " ")
    return settings


def submit_arguments(conf: Mapping[str, str]) -> list[str]:
    """The arguments described in `KafkaUtils.spark_submit_args`."""
    version, folder = spark_and_jars()
    given = {**default_settings(folder.parent), **conf}
    quick = {name: value for name, value in QUICK.items() if name not in given}
    settings = {**quick, **driver_settings(given), **conf}
    connector = connector_of(version)
    jars = [*filter(None, [given.get("spark.jars")])]
    packages = [*filter(None, [given.get("spark.jars.packages")])]
    arguments = []
    if connector is not None:
        jars += map(str, connector)
    elif not _has_connector(given, folder):
        log.warning("%s", not_locked(version))
        packages.append(version.connector)
        if address := repository():
            arguments += ["--repositories", address]
    for option, entries in (("--jars", jars), ("--packages", packages)):
        if entries:
            arguments += [option, ",".join(entries)]
    for name, value in settings.items():
        if name not in ("spark.jars", "spark.jars.packages"):
            arguments += ["--conf", f"{name}={value}"]
    return arguments


def plan(
    conf: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], SparkArchive | None]:
    """The settings without a class archive, and the archive for them.

    The archive is None if the kit has no say in it.
    """
    version, folder = spark_and_jars()
    submitted = submitted_settings()
    given = {**default_settings(folder.parent), **submitted}
    quick = {name: value for name, value in QUICK.items() if name not in given}
    known = {**given, **(conf or {})}
    settings = {**quick, **driver_settings(known), **(conf or {})}
    jars = [version.helper]
    packages = known.get("spark.jars.packages", "")
    connector = connector_of(version)
    if connector is None:
        if not _has_connector(known, folder):
            log.warning("%s", not_locked(version))
            _append(settings, given, "spark.jars.packages", version.connector)
            if address := repository():
                _append(settings, given, "spark.jars.repositories", address)
    elif CONNECTOR not in packages:
        jars += connector
    starts = _starts_jvm(known)
    is_whole = len(jars) > 1 and CLASS_PATH not in submitted
    on_class_path = starts and is_whole and not _has_kafka(known, folder, jars)
    settings |= file_settings(known, submitted, on_class_path=on_class_path)
    settings |= worker_settings(known)
    if on_class_path:
        for jar in jars:
            _append(settings, given, CLASS_PATH, str(jar), os.pathsep)
    if not on_class_path or "spark.master" not in known:
        for jar in jars:
            _append(settings, given, "spark.jars", str(jar))
    if "spark.jars" in submitted and CONNECTOR not in submitted["spark.jars"]:
        # `--jars` hides `spark.jars` from the driver, which looks here as well
        for jar in jars:
            _append(settings, given, CLASS_PATH, str(jar), os.pathsep)
    _add_options(settings, given, starts=starts)
    is_ours = on_class_path and DRIVER_OPTIONS not in submitted
    options = _options(settings, given)
    if not is_ours or names_archive(options):
        return settings, None
    return settings, SparkArchive(folder, settings[CLASS_PATH], options)


def archive_of(settings: Mapping[str, str], *, records: bool = False) -> SparkArchive:
    """The class archive of a session with these settings, looked up again.

    Args:
        settings: the settings from `plan`.
        records: whether the session's JVM should record it.
    """
    _, folder = spark_and_jars()
    given = {**default_settings(folder.parent), **submitted_settings()}
    options = _options(settings, given)
    return SparkArchive(folder, settings[CLASS_PATH], options, records=records)


def _starts_jvm(known: Mapping[str, str]) -> bool:
    """Whether these may be the settings of a local session that starts its JVM.

    Only then do they decide what is on the JVM's class path.
    """
    return finds_class(CONNECTOR_CLASS) is None and may_be_local(known)


def _has_connector(known: Mapping[str, str], folder: Path) -> bool:
    """Whether Spark, or the user's settings, already bring a connector."""
    names = ("spark.jars", "spark.jars.packages", CLASS_PATH)
    named = any(CONNECTOR in known.get(name, "") for name in names)
    return named or any(folder.glob(f"{CONNECTOR}_*.jar"))


def _has_kafka(known: Mapping[str, str], folder: Path, jars: Sequence[Path]) -> bool:
    """Whether the session gets Kafka's classes from elsewhere.

    If ours were on the class path, they would win.
    """
    separators = f"[,{os.pathsep}]"
    named = re.split(separators, f"{known.get('spark.jars')},{known.get(CLASS_PATH)}")
    others = [*folder.glob("*kafka*.jar"), *map(Path, named)]
    return any("kafka" in jar.name and jar not in jars for jar in others)


def _options(settings: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """The options of the driver's JVM, including those of the environment."""
    known = {**given, **settings}
    return drivers_options(
        *(known.get(n, "") for n in (DEFAULT_OPTIONS, DRIVER_OPTIONS))
    )


def _add_options(
    settings: dict[str, str], given: Mapping[str, str], *, starts: bool
) -> None:
    present = _options(settings, given)
    if not names_collector(present):
        _append(settings, given, DRIVER_OPTIONS, QUICK_COLLECTOR, " ")
    if starts and not any(map(COMPILER.fullmatch, present)):
        _append(settings, given, DRIVER_OPTIONS, QUICK_COMPILER, " ")
        if not any(option.startswith("-XX:ReservedCodeCache") for option in present):
            _append(settings, given, DRIVER_OPTIONS, CODE_ROOM, " ")


def _append(
    settings: dict[str, str],
    given: Mapping[str, str],
    name: str,
    entry: str,
    separator: str = ",",
) -> None:
    """Append to a list in the settings, which starts from the given one if missing."""
    listed = settings.get(name, given.get(name, ""))
    entries = [present for present in listed.split(separator) if present]
    if entry not in entries:
        entries.append(entry)
    settings[name] = separator.join(entries)


def connector_of(version: SparkVersion) -> list[Path] | None:
    """The connector's jars, fetched, or None if the kit has none for this version."""
    jars = connector_jars(version.spark, version.scala)
    if jars is None:
        return None
    if version.nearest != version.apache:
        log.info(
            "Spark %s gets the Kafka connector of Spark %s, the nearest of its minor "
            "version that the kit has",
            version.spark,
            version.nearest,
        )
    return fetch(jars, f"the Kafka connector for Spark {version.nearest}")


def repository() -> str | None:
    """The user's mirror of Maven Central, for Ivy.

    User and password are left out, because Ivy does not accept them there and Spark
    shows its settings.
    """
    if not os.environ.get(MAVEN_ENV):
        return None
    mirror = Repository.of_environment(MAVEN_ENV, MAVEN_CENTRAL)
    if mirror.login is not None:
        log.warning(
            "Spark's Ivy does not read the user and password from %s. Put them in a "
            "file that spark.jars.ivySettings names",
            mirror.login,
        )
    return mirror.url


def not_locked(version: SparkVersion) -> str:
    """The message for when the kit has no connector."""
    return f"{version.not_locked}. {version.without_connector}"
