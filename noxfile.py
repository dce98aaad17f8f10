"""The matrix of versions: the tests that use Spark, on each supported Spark.

Each runs in a virtual environment of its own. `ci/matrix` runs it and writes the table
of docs/versions.md.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

import nox

ROOT = Path(__file__).parent
LOCK = ROOT / "python/spark_kafka_testkit/jars/lock.json"
RESULTS = ROOT / ".nox/matrix"
PAGE = ROOT / "docs/versions.md"
BEGIN, END = "<!-- made by ci/matrix -->", "<!-- end -->"
SPARKS = json.loads(LOCK.read_text())["connectors"]
OLDEST, *_, NEWEST = SPARKS
SUITE = [
    f"tests/{name}"
    for name in (
        "unit",
        "contract",
        "kafka_testing_md",
        "streaming",
        "histories/stateful",
        "spark",
        "invariance",
    )
]
NEEDED = [
    "freezegun>=1.5",
    "hypothesis>=6.100",
    "pandas>=2.2,<3",
    "pytest>=8",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "time-machine>=2.16",
]
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
DEPENDENCIES = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["codecs"]
PACKAGES = {
    "newest": DEPENDENCIES,
    # numpy: the version that the lowest pyarrow was built with
    "lowest": [one.replace(">=", "==") for one in DEPENDENCIES] + ["numpy<2"],
}
SHOWN = ("kafka-python", "testcontainers", "pyarrow")

# The Pythons that each Spark runs on, in the order of the lock.
PYTHONS = dict(
    zip(SPARKS, [["3.10"], ["3.12"], ["3.13"], ["3.11", "3.14"]], strict=True)
)
CLEAN = {"SPARK_HOME": None, "PYSPARK_SUBMIT_ARGS": None}

nox.options.sessions = ["matrix"]
nox.options.reuse_existing_virtualenvs = True


@dataclass(frozen=True)
class Others:
    """What a Spark is combined with."""

    packages: str = "newest"
    java: int = 17


RUNS = {(python, spark): [Others()] for spark in SPARKS for python in PYTHONS[spark]}
RUNS["3.10", OLDEST] += [Others(packages="lowest")]
RUNS["3.11", NEWEST] += [Others(java=25)]
ONCE = ["-k", "not kafka-python"]
"""The kit's kafka-python client does not use Spark. Its tests run only with the newest
Spark, and with the lowest packages.
"""


@nox.session
@nox.parametrize(
    ("python", "spark"),
    list(RUNS),
    ids=[f"{spark}-{python}" for python, spark in RUNS],
)
def matrix(session: nox.Session, spark: str) -> None:
    """Test one Spark on one Python, in each combination."""
    session.install("--quiet", "-e", ".[codecs]", f"pyspark[connect]=={spark}", *NEEDED)
    failed = []
    for others in RUNS[str(session.python), spark]:
        home = java_home(others.java)
        if home is None:
            save(session, spark, others, {"not run": f"no Java {others.java} here"})
            continue
        session.install("--quiet", "--upgrade", *PACKAGES[others.packages])
        report = RESULTS / "report.xml"
        RESULTS.mkdir(parents=True, exist_ok=True)
        session.run(
            *("python", "-m", "pytest", *SUITE, "-q", "-p", "no:cacheprovider"),
            *(() if spark == NEWEST or others.packages == "lowest" else ONCE),
            f"--junitxml={report}",
            env={"JAVA_HOME": str(home), "PYTHONPATH": str(ROOT / "python"), **CLEAN},
            success_codes=[0, 1],
        )
        outcome = {"versions": versions(session), **read_report(report)}
        save(session, spark, others, outcome)
        if outcome["failed"]:
            failed.append(others)
    if failed:
        session.error(f"Spark {spark} fails with {failed}")


@nox.session
def oldest(session: nox.Session) -> None:
    """Run the short set of `ci/test` on the oldest Spark.

    It covers the contract, the examples of KAFKA_TESTING.md, the waits and stateful
    queries, through the helper, and so with the oldest kafka-clients.
    """
    if sys.version_info >= (3, 12):
        session.skip(f"Spark {OLDEST} needs a Python before 3.12")
    session.install("--quiet", "-e", ".", f"pyspark=={OLDEST}", *NEEDED)
    session.run(
        *("python", "-m", "pytest", *SUITE[1:5], *ONCE),
        *("-q", "-p", "no:cacheprovider", "--numprocesses=2", "--dist=loadfile"),
        env=CLEAN,
    )


@nox.session(venv_backend="none")
def table(_: nox.Session) -> None:
    """Write the table of the latest runs."""
    rows = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    lines = [
        f"| Spark | Scala | Python | Java | {' | '.join(SHOWN)} | passed | failed | "
        "skipped, and why |",
        "| --- " * (len(SHOWN) + 7) + "|",
    ]
    for row in rows:
        reasons = "; ".join(f"{n}: {why}" for why, n in row.get("skipped", {}).items())
        lines.append(
            f"| {row['spark']} | {SPARKS[row['spark']]['scala']} | {row['python']} | "
            f"{row['java']} | {' | '.join(row.get('versions', [''] * len(SHOWN)))} | "
            f"{row.get('passed', '')} | {row.get('failed', '')} | "
            f"{row.get('not run') or reasons} |"
        )
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    made = "\n".join(lines)
    PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}")


def java_home(major: int) -> Path | None:
    """The home of a Java of this major version on this machine, or None."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    for home in homes:
        java = home / "bin/java"
        if java.is_file():
            command = [str(java), "-version"]
            said = subprocess.run(command, capture_output=True, text=True, check=False)
            if re.search(rf'version "{major}\b', said.stderr):
                return home
    return None


def versions(session: nox.Session) -> list[str]:
    """The versions of `SHOWN` in the session's environment."""
    code = "import sys; from importlib.metadata import version as v; "
    code += "print(*map(v, sys.argv[1:]))"
    said = session.run("python", "-c", code, *SHOWN, silent=True)
    return str(said).split()


def read_report(path: Path) -> dict[str, object]:
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))  # noqa: S314
    skips: dict[str, int] = {}
    bad = 0
    for case in cases:
        bad += any(case.find(kind) is not None for kind in ("failure", "error"))
        skip = case.find("skipped")
        if skip is not None:
            reason = skip.get("message", "")
            skips[reason] = skips.get(reason, 0) + 1
    passed = len(cases) - bad - sum(skips.values())
    return {"passed": passed, "failed": bad, "skipped": skips}


def save(
    session: nox.Session, spark: str, others: Others, outcome: dict[str, object]
) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    row = {"spark": spark, "python": session.python, **asdict(others)}
    name = "-".join(str(value) for value in row.values())
    (RESULTS / f"{name}.json").write_text(json.dumps({**row, **outcome}))
    session.log(f"Spark {spark}, {others}: {outcome}")
