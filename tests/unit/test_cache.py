"""The cache folder: where it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spark_kafka_testkit._cache import cache_folder
from spark_kafka_testkit._jvm.jars import own_jar
from spark_kafka_testkit.errors import JarError
from tests.systems import run_python


def test_a_tilde_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All variables that name a folder know it, and no folder of that name is made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", "~/tilde cache")
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_JARS", "~/tilde jars")
    jar = tmp_path / "home" / "tilde jars" / "own.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    assert cache_folder() == tmp_path / "home" / "tilde cache"
    assert own_jar("own.jar") == jar


def test_a_relative_folder_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later chdir does not move it; what we hand on to others is absolute."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", "relative/cache")
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_JARS", "relative/jars")
    jar = tmp_path / "relative" / "jars" / "own.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    assert own_jar("own.jar") == jar
    assert cache_folder() == tmp_path / "relative" / "cache"
    monkeypatch.chdir("/")
    assert own_jar("own.jar") == jar
    assert cache_folder() == tmp_path / "relative" / "cache"


def test_a_tilde_without_a_home_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder named ~ is made."""
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CACHE", "~nobody-of-this-name/x")
    with pytest.raises(JarError) as caught:
        cache_folder()
    assert str(caught.value) == (
        "The folder ~nobody-of-this-name/x can't be found: its ~ is not a known home "
        "folder. Set SPARK_KAFKA_TESTKIT_CACHE to an absolute path."
    )


def test_a_user_without_a_home_is_reported(tmp_path: Path) -> None:
    """Containers may run under a user id which nobody has."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be another")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HOME", "XDG"))}
    env.pop("SPARK_KAFKA_TESTKIT_CACHE", None)
    done = run_python(
        "import os, platformdirs\n"
        "from spark_kafka_testkit._cache import cache_folder\n"
        "platformdirs.user_cache_dir()  # loads what another user may not read here\n"
        "os.setuid(54321)\n"
        "try: cache_folder()\n"
        "except Exception as error: print(type(error).__name__, error)",
        env,
    )
    assert done.stdout == (
        "JarError The folder ~/.cache/spark-kafka-testkit can't be found: its ~ is not "
        "a known home folder. Set SPARK_KAFKA_TESTKIT_CACHE to an absolute path.\n"
    )
