"""The Java that is taken, and what is said where none can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_kafka_testkit._jvm.java import HINT, find_java
from spark_kafka_testkit.errors import BrokerStartError, JavaNotFoundError


def make_java(home: Path, version: str, release: bool = True) -> Path:
    """A Java home whose `java` says its version as a real one does."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(0o755)
    if release:
        (home / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
    return java


@pytest.mark.parametrize("release", [True, False])
@pytest.mark.parametrize(
    ("version", "major"), [("17.0.15", 17), ("21", 21), ("25.0.1", 25)]
)
def test_java_home_is_taken(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    major: int,
    release: bool,
) -> None:
    """Its version is read from its release file, or asked of it."""
    java = make_java(tmp_path, version, release)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    found = find_java()
    assert (found.executable, found.version, found.major) == (java, version, major)


def test_without_java_home_the_path_is_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link on the PATH is followed to the real one."""
    java = make_java(tmp_path / "jdk", "17.0.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").symlink_to(java)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_java().executable == java


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "16.0.1"])
def test_a_java_that_is_too_old_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """With its version, and how to get a newer one."""
    java = make_java(tmp_path, version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == f"{java} is Java {version}. {HINT}"


def test_no_java_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both places are named."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerStartError) as caught:
        find_java()
    assert str(caught.value) == (
        "No Java was found: JAVA_HOME is not set, and there is no java on the PATH. "
        "The embedded broker needs Java 17 or newer. Install one (Debian and Ubuntu: apt "
        "install openjdk-17-jre-headless; macOS: brew install openjdk@17; conda: conda "
        "install -c conda-forge openjdk=17) and set JAVA_HOME to it, or use "
        'backend="container", which needs Docker instead.'
    )


def test_a_wrong_java_home_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not passed over in silence."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == (
        f"JAVA_HOME is {tmp_path}, and {tmp_path}/bin/java is not there or can't be run. "
        f"{HINT}"
    )
