"""The settings for spark-submit, which starts a session's JVM, and why it has ended.

Spark takes a setting from the first of these that has it: the options of
PYSPARK_SUBMIT_ARGS, the session's builder, spark-defaults.conf.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["cause_of", "default_settings", "start_again", "submitted_settings"]

ARGS_ENV = "PYSPARK_SUBMIT_ARGS"
OPTIONS = {
    "--master": "spark.master",
    "--jars": "spark.jars",
    "--packages": "spark.jars.packages",
    "--repositories": "spark.jars.repositories",
    "--driver-class-path": "spark.driver.extraClassPath",
    "--driver-java-options": "spark.driver.extraJavaOptions",
}
START_SECONDS = 120
LAST_LINES = 10
ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def submitted_settings() -> dict[str, str]:
    """The settings of PYSPARK_SUBMIT_ARGS, which override those of a session's builder.

    They come from `--conf`, or from an option of their own.
    """
    by_option, by_conf = {}, {}
    for name, value in _arguments():
        if name in OPTIONS:
            by_option[OPTIONS[name]] = value
        elif name in ("--conf", "-c"):
            setting, _, text = value.partition("=")
            by_conf[setting] = text
    return {**by_conf, **by_option}


def default_settings(home: Path) -> dict[str, str]:
    """The settings of spark-defaults.conf, or of the `--properties-file` in its place.

    Those of a session's builder override them.

    Args:
        home: Spark's own folder, as in SPARK_HOME.
    """
    arguments = dict(_arguments())
    folder = Path(os.environ.get("SPARK_CONF_DIR") or home / "conf")
    files = [folder / "spark-defaults.conf"]
    if named := arguments.get("--properties-file"):
        files = [*(files if "--load-spark-defaults" in arguments else ()), Path(named)]
    settings = {}
    for file in files:
        if file.is_file():
            settings.update(_properties(file.read_text("utf-8", errors="replace")))
    return settings


def _arguments() -> list[tuple[str, str]]:
    """Each option of PYSPARK_SUBMIT_ARGS with its value.

    The value is the next word, or the text after `=`.
    """
    words = shlex.split(os.environ.get(ARGS_ENV, ""))
    arguments = []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            arguments.append((name, value if equals else following))
    return arguments


def _properties(text: str) -> dict[str, str]:
    """Parse the format of `java.util.Properties`, which Spark reads."""
    settings = {}
    joined = re.sub(r"(?<!\\)((?:\\\\)*)\\\r?\n[ \t\f]*", r"\1", text)
    for line in map(str.strip, joined.splitlines()):
        match = re.match(r"((?:\\.|[^\\\s=:])+)\s*[=:]?\s*(.*)", line)
        if match is not None and line[0] not in "#!":
            settings[_unescaped(match[1])] = _unescaped(match[2]).strip()
    return settings


def _unescaped(text: str) -> str:
    return re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|(.))",
        lambda match: (
            chr(int(match[1], 16)) if match[1] else ESCAPED.get(match[2], match[2])
        ),
        text,
    )


def start_again(home: Path, settings: Mapping[str, str]) -> str:
    """Start Spark's JVM again as PySpark does, and return its output.

    PySpark keeps nothing of the first one's output. This one ends, because nothing
    holds its input open.
    """
    command = [str(home / "bin/spark-submit")]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    command += shlex.split(os.environ.get(ARGS_ENV, "pyspark-shell"))
    with tempfile.TemporaryDirectory() as folder:
        port_file = str(Path(folder) / "port")
        try:
            return subprocess.run(
                command,
                env={**os.environ, "_PYSPARK_DRIVER_CONN_INFO_PATH": port_file},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=START_SECONDS,
                check=False,
            ).stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as error:
            return (error.stdout or b"").decode(errors="replace")
        except OSError as error:
            return str(error)


def cause_of(output: str) -> str:
    """Why the JVM ended, extracted from its output."""
    missing = re.findall(
        r"unresolved dependency: ([^#\s]+)#([^;\s]+);([^:\s]+): not found", output
    )
    if missing:
        names = ", ".join(":".join(parts) for parts in dict.fromkeys(missing))
        return f"Ivy found no {names} in the repositories that it asked"
    for pattern in (
        r'^Exception in thread "main" (.+)',
        r"^Error occurred during initialization of VM\n(.+)",
        r"^(.+)\nError: Could not create the Java Virtual Machine",
        r"^(JAVA_HOME is not set.*)",
    ):
        if match := re.search(pattern, output, re.MULTILINE):
            return match[1].strip().rstrip(".")
    lines = [line for line in output.splitlines() if line.strip()]
    return "\n".join(["it says:", *lines[-LAST_LINES:]])
