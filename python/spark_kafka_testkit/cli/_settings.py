"""The names of Kafka's own settings.

Kafka accepts any name, and reports unknown ones only in its log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from spark_kafka_testkit._text import did_you_mean

__all__ = ["NAMES_FILE", "unknown_setting"]

NAMES_FILE = Path(__file__).with_name("kafka_settings.txt")
"""The names that the embedded Kafka knows, as `ci/kafka-settings` prints them."""
OF_KAFKA_3 = (
    "auto.include.jmx.reporter",
    "broker.id.generation.enable",
    "control.plane.listener.name",
    "controlled.shutdown.max.retries",
    "controlled.shutdown.retry.backoff.ms",
    "delegation.token.master.key",
    "group.coordinator.new.enable",
    "inter.broker.protocol.version",
    "leader.imbalance.per.broker.percentage",
    "log.message.downconversion.enable",
    "log.message.format.version",
    "log.message.timestamp.difference.max.ms",
    "metadata.log.segment.min.bytes",
    "offsets.commit.required.acks",
    "reserved.broker.max.id",
    "unstable.metadata.versions.enable",
)
"""Names that only the older Kafka of the default image knows."""
OF_OTHERS = re.compile(
    r"(allow\.everyone\.if\.no\.acl\.found|super\.users"  # the authorizer's
    r"|config\.providers|confluent|heap|jmx|jvm|gc|listener\.name|log4j|opts"
    r"|password\.encoder|rlmm\.config|rsm\.config|schema\.registry"
    r"|spark\.kafka\.testkit|zookeeper)\b"
)
"""Prefixes of names that contain a user's own part, or that others than Kafka read."""
A_CLASS = re.compile(r"\b[a-z]\w*(\.[a-z]\w*)*\.[A-Z]\w*")


def unknown_setting(settings: Mapping[str, str]) -> str:
    """What to say about a name that nothing in the broker knows.

    Empty if there is none, or if that can't be known: a class that a setting names may
    have any settings.
    """
    if any(A_CLASS.search(value) for value in settings.values()):
        return ""
    known = {*NAMES_FILE.read_text(encoding="ascii").split(), *OF_KAFKA_3}
    for name in settings:
        if name not in known and not OF_OTHERS.match(name):
            return f"Kafka has no setting {name!r}.{did_you_mean(name, known)}"
    return ""
