"""Run tests that share a topic's name side by side: each must see its own records.

    python -m bench.literal_topics [--tests 40] [--workers 4] [--runs 20]

Each test creates `events`, sends to it, reads it back, and deletes it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = """
import pytest


@pytest.mark.parametrize("n", range({tests}))
def test_events_are_read_back(n, kafka_utils):
    kafka_utils.create_topics(["events"], num_partitions=2)
    sent = {{f"{{n}}-{{key}}": "v" for key in range(20)}}
    kafka_utils.send_messages("events", list(sent.items()))
    assert kafka_utils.get_all_records(None, "events") == sent
    kafka_utils.delete_topics(["events"])
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=40)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    passed = 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_events.py").write_text(TESTS.format(tests=arguments.tests))
        Path(folder, "pytest.ini").write_text("[pytest]\n")
        pytest = [sys.executable, "-m", "pytest", "-q", "-n", str(arguments.workers)]
        for run in range(arguments.runs):
            done = subprocess.run(
                pytest, cwd=folder, capture_output=True, text=True, check=False
            )
            found = re.search(r"(\d+) passed", done.stdout)
            passed += int(found[1]) if found else 0
            if done.returncode:
                sys.stdout.write(f"run {run}:\n{done.stdout}{done.stderr}\n")
    expected = arguments.tests * arguments.runs
    sys.stdout.write(f"{passed} of {expected} passed\n")
    return int(passed != expected)


if __name__ == "__main__":
    sys.exit(main())
