"""What is kept between runs, and whether a run here would use it."""

from __future__ import annotations

from typing import Any

from spark_kafka_testkit._brokers.kept.lease import BrokerFile, BrokerLease
from spark_kafka_testkit._kept.lease import HOW_TO_END, LeaseFile, Unclear
from spark_kafka_testkit._spark.kept.lease import SparkFile
from spark_kafka_testkit._spark.kept.use import misfits
from spark_kafka_testkit._spark.pairing import Finding
from spark_kafka_testkit._text import listed
from spark_kafka_testkit.errors import KafkaTestkitError

__all__ = ["check_kept_brokers", "check_kept_spark"]


def check_kept_brokers() -> list[Finding]:
    """The brokers that are kept, and the remains of earlier ones."""
    try:
        files = sorted(BrokerFile("").folder.glob("*.json"))
        found = [_check("kept broker", BrokerFile(file.stem)) for file in files]
    except KafkaTestkitError as error:
        return [Finding.of_error("kept broker", error, "warning")]
    return [finding for finding in found if finding is not None]


def check_kept_spark() -> list[Finding]:
    """Whether a test run here would use the kept Spark."""
    try:
        lease_file = SparkFile.here()
        finding = _check("kept Spark", lease_file)
        if finding is None:
            return []
        differing = misfits(lease_file) if finding.state == "ok" else []
    except KafkaTestkitError as error:
        return [Finding.of_error("kept Spark", error, "warning")]
    if not differing:
        return [finding]
    return [
        Finding(
            "kept Spark",
            "warning",
            f"{finding.seen}. A run from this shell has a different "
            f"{listed(differing)}, and would start its own",
            "Keep one that fits: spark-kafka-testkit up --spark",
        )
    ]


def _check(subject: str, lease_file: LeaseFile[Any]) -> Finding | None:
    """Whether what is kept there can be used. None if nothing is."""
    lease = lease_file.read()
    if lease is None:  # it may just have ended
        return None
    seen = str(lease) if isinstance(lease, Unclear) else lease.description
    if not lease_file.is_held("keeper"):
        seen = f"{seen.rstrip('.')}, but its keeper has died"
        advice = "The next run, `up` or `status` removes what it left."
    elif isinstance(lease, Unclear):
        advice = HOW_TO_END
    elif not lease.answers():
        address = f" {lease.address}" if isinstance(lease, BrokerLease) else ""
        seen = f"{seen}, but it does not answer"
        advice = f"End it with: spark-kafka-testkit down{address}"
    else:
        user = lease_file.seen_user()
        return Finding(
            subject, "ok", f"{seen}, {f'in use by {user}' if user else 'free'}"
        )
    return Finding(subject, "warning", seen.rstrip("."), advice)
