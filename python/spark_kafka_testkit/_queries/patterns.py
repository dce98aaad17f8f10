"""The topics that match a `subscribePattern`.

It is a Java regular expression, and Spark searches for it anywhere in a topic's name
(ConsumerStrategy.scala).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from spark_kafka_testkit._jvm.reach import find_in, gateway_in_reach
from spark_kafka_testkit._jvm.spark_jvm import active_session

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["matching_topics"]

# With this setting a consumer subscribes to the pattern, and consumers match whole
# names.
BY_CONSUMER = "spark.sql.streaming.kafka.useDeprecatedOffsetFetching"


def matching_topics(
    query: StreamingQuery, pattern: str, names: Iterable[str]
) -> tuple[list[str] | None, str]:
    """The topics that match the query's pattern, or None and the reason.

    A JVM decides. If none is in reach, Python does, but only for a pattern that means
    the same to it. Topic names are ASCII, and where the two differ, Python refuses the
    pattern or warns about it.
    """
    session = getattr(query, "_session", None) or active_session()
    is_whole = session is not None and session.conf.get(BY_CONSUMER, "false") == "true"
    gateway, reason = gateway_in_reach()
    if gateway is not None:
        return find_in(gateway, pattern, names, is_whole), ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiled = re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        return None, f"no JVM is in reach ({reason}), and Python can't read it: {error}"
    search = compiled.fullmatch if is_whole else compiled.search
    return [name for name in names if search(name)], ""
