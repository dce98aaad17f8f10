"""Start two queries on one checkpoint, again and again: exactly one must fail.

python -m bench.rivals_soak [--rounds 100] [--hadoops]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter

from bench.batches import FILE_SYSTEM, HADOOPS, OURS
from bench.world import spark_session
from tests.rivals import deaths_of_rivals, stranger


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--hadoops", action="store_true", help="Hadoop's own, instead")
    arguments = parser.parse_args()
    file_system = HADOOPS if arguments.hadoops else OURS
    spark = spark_session()
    rivals = [spark, stranger(spark)]
    for session in rivals:
        session.conf.set(FILE_SYSTEM, file_system)
    died: Counter[int] = Counter()
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as checkpoint:
            died[len(deaths_of_rivals(rivals, checkpoint))] += 1
    sys.stdout.write(f"{file_system}: rounds by how many died: {dict(died)}\n")
    spark.stop()
    return died != {1: arguments.rounds}


sys.exit(main())
