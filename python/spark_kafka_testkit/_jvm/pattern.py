"""Java's regular expressions: Spark finds the topics of `subscribePattern` by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spark_kafka_testkit._jvm.gateway import active_session, jvm_of
from spark_kafka_testkit._jvm.own_helper import own_helper

__all__ = ["find_in"]


def find_in(pattern: str, names: Sequence[str]) -> list[str] | None:
    """The names in which a Java regular expression is found, anywhere (`Matcher.find`);
    None where no JVM is in reach: neither a classic session's, nor one of our own.
    """
    session = active_session()
    jvm: Any = None
    if session is not None:
        jvm = jvm_of(session)
    else:
        helper, _ = own_helper()
        jvm = helper.jvm if helper is not None else None
    if jvm is None:
        return None
    compiled = jvm.java.util.regex.Pattern.compile(pattern)
    return [name for name in names if compiled.matcher(name).find()]
