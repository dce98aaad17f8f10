"""The Java that is taken, what it says of itself, and the errors where none will do."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_kafka_testkit._jvm.java import HINT, Java, find_java
from spark_kafka_testkit.errors import BrokerStartError, JavaNotFoundError

ORACLE_8 = 'java version "1.8.0_392"\nJava(TM) SE Runtime Environment'
OPENJDK_25 = 'openjdk version "25" 2025-09-16\nOpenJDK Runtime Environment'
WITH_OPTIONS = f"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\n{OPENJDK_25}"
MAC_STUB = "The operation couldn't be completed. Unable to locate a Java Runtime."


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty JAVA_HOME."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    return tmp_path


def answering(home: Path, answer: str, status: int = 0) -> Path:
    """A `java` that says this to whatever it is asked."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True, exist_ok=True)
    java.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{answer}\nEND\nexit {status}\n")
    java.chmod(0o755)
    return java


def make_java(home: Path, version: str, release: bool = True) -> Path:
    """A Java home whose `java` says its version as a real one does."""
    java = answering(home, f'openjdk version "{version}" 2025-04-15')
    if release:
        (home / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
    return java


@pytest.mark.parametrize(
    ("version", "major"),
    [
        ("1.8.0_392", 8),
        ("11.0.2", 11),
        ("17.0.15", 17),
        ("25", 25),
        ("26-ea", 26),
        ("21.0.4+7-LTS", 21),
    ],
)
def test_the_major_number_is_found(version: str, major: int) -> None:
    """Versions are of the old numbering, of the new, or of early access."""
    assert Java(Path("java"), version).major == major


@pytest.mark.parametrize("answer", [OPENJDK_25, WITH_OPTIONS])
def test_a_java_without_a_release_file_is_asked(home: Path, answer: str) -> None:
    """What the JVM prints before its version does no harm."""
    java = answering(home, answer)
    assert find_java() == Java(java, "25")


def test_a_release_file_without_a_version_is_passed_over(home: Path) -> None:
    """java is asked then, too."""
    java = answering(home, OPENJDK_25)
    (home / "release").write_text('IMPLEMENTOR="X"\n#JAVA_VERSION="8"\n')
    assert find_java() == Java(java, "25")


def test_a_release_file_is_believed(home: Path) -> None:
    """java is not started where its version is known already."""
    java = answering(home, f"{OPENJDK_25}\nEND\ntouch {home}/asked\ncat <<'END'")
    (home / "release").write_text('JAVA_VERSION="17.0.15"\n')
    assert find_java() == Java(java, "17.0.15")
    assert not (home / "asked").exists()


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "16.0.1"])
def test_a_java_that_is_too_old_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """The error has its version, and how to get a newer one."""
    java = make_java(tmp_path, version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == f"{java} is Java {version}. {HINT}"


def test_an_old_java_that_was_asked_is_reported(home: Path) -> None:
    """The error is that of one with a release file."""
    java = answering(home, ORACLE_8)
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == f"{java} is Java 1.8.0_392. {HINT}"


def test_an_answer_without_a_version_is_shown(home: Path) -> None:
    """macOS has such a java where none is installed."""
    java = answering(home, MAC_STUB, status=1)
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == (
        f"{java} -version printed no version, but: {MAC_STUB!r}. {HINT}"
    )


def test_a_java_that_can_not_be_started_is_reported(home: Path) -> None:
    """It may be built for another machine."""
    java = answering(home, "")
    java.write_bytes(b"\x7fELF no program")
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == (
        f"{java} could not be run: [Errno 8] Exec format error: {str(java)!r}. {HINT}"
    )


def test_a_java_that_may_not_be_executed_is_reported(home: Path) -> None:
    """It is there, and is no program."""
    java = answering(home, OPENJDK_25)
    java.chmod(0o644)
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == (
        f"JAVA_HOME is {home}, but {java} does not exist or can't be run. {HINT}"
    )


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
    taken = find_java()
    assert (taken.executable, taken.version, taken.major) == (java, version, major)


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


def test_java_home_comes_before_the_path(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other is not asked."""
    java = answering(home, OPENJDK_25)
    other = tmp_path / "other"
    answering(other, ORACLE_8)
    monkeypatch.setenv("PATH", f"{other / 'bin'}:/usr/bin:/bin")
    assert find_java().executable == java


def test_an_empty_java_home_is_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The PATH decides then."""
    java = answering(home, OPENJDK_25)
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", f"{home / 'bin'}:/usr/bin:/bin")
    assert find_java().executable == java


def test_no_java_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both places are named."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerStartError) as caught:
        find_java()
    assert str(caught.value) == (
        "No Java was found: JAVA_HOME is not set, and there is no java on the PATH. "
        "The embedded broker needs Java 17 or newer. Install one (Debian and Ubuntu: "
        "apt install openjdk-17-jre-headless, macOS: brew install openjdk@17, conda: "
        "conda install -c conda-forge openjdk=17) and set JAVA_HOME to it, or use the "
        "backend `container`, which needs Docker instead."
    )


def test_a_wrong_java_home_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not passed over in silence."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    assert str(caught.value) == (
        f"JAVA_HOME is {tmp_path}, but {tmp_path}/bin/java does not exist or can't be "
        f"run. {HINT}"
    )
