"""The wait for a job in another process, which watches its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._queries.checkpoint import committed_sources
from spark_kafka_testkit._queries.position import Ends, Source, places_of
from spark_kafka_testkit._waits.clock import Pauses
from spark_kafka_testkit.errors import WaitError

if TYPE_CHECKING:
    from spark_kafka_testkit._cluster import Cluster

__all__ = ["wait_for_checkpoint"]


def wait_for_checkpoint(
    cluster: Cluster,
    checkpoint: Path,
    topic: str | None,
    timeout: float,
    process: Any,
) -> None:
    """See `KafkaUtils.wait_until_processed`."""
    pauses = Pauses(timeout)
    ends: Ends = {} if topic is None else {topic: cluster.offsets(topic)}
    while True:
        code = None if process is None else process.poll()  # before its last commit
        cluster.check_usable()
        sources = committed_sources(checkpoint)
        if sources:
            ends = ends or {
                name: cluster.offsets(name)
                for source in sources
                for name in source.topics()
            }
            places = places_of(sources, ends, {})
            if places and not any(place.behind for place in places):
                return
        if code is not None or pauses.is_over:
            raise WaitError(_why_not(checkpoint, sources, ends, code, timeout))
        pauses.rest()


def _why_not(
    checkpoint: Path,
    sources: list[Source] | None,
    ends: Ends,
    code: int | None,
    timeout: float,
) -> str:
    happened = (
        f"has ended with exit code {code} without having processed its topics."
        if code is not None
        else f"has not processed its topics up to their end within {timeout:g} s."
    )
    if sources is None:
        seen = ["  it has committed no batch. Is this its checkpoint location?"]
    elif not sources:
        seen = ["  its last committed batch has no offsets of a Kafka source"]
    else:
        seen = [f"  {place}" for place in places_of(sources, ends, {}) if place.behind]
        unread = [
            name
            for name in ends
            if not any(name in source.topics() for source in sources)
        ]
        seen += [f"  it does not read topic {name!r}" for name in unread]
    advice = "Look at its output"
    advice += "." if code is not None else ", or give it more time."
    return "\n".join(
        [f"The job with checkpoint {checkpoint} {happened}", *seen, advice]
    )
