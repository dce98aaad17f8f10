"""Any JVM within reach, for small questions that only Java answers correctly."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from spark_kafka_testkit._jvm.own_helper import CLIENT_ENV, own_helper
from spark_kafka_testkit._jvm.spark_jvm import SparkJvm, java_class

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway

__all__ = ["find_in", "gateway_in_reach"]


def gateway_in_reach() -> tuple[JavaGateway | None, str]:
    """py4j's gateway to a JVM, or None and the reason.

    The JVM of the active classic session comes first, then the kit's own.

    Raises:
        HelperError: the jar is not of the same version as this package.
    """
    jvm = SparkJvm.active()
    if jvm is not None:
        return jvm.gateway, ""
    if os.environ.get(CLIENT_ENV) == "kafka-python":
        return None, f"{CLIENT_ENV} is 'kafka-python'"
    helper, reason = own_helper()
    return (None if helper is None else helper.gateway), reason


def find_in(
    gateway: JavaGateway, pattern: str, texts: Iterable[str], is_whole: bool
) -> list[str]:
    """The texts that match Java's regular expression, anywhere or as a whole.

    The Java objects are released at once. py4j would wait for Python's garbage
    collection, which may come when the JVM is gone, and then log an error for each.

    Args:
        gateway: py4j's gateway to the JVM.
        pattern: the expression.
        texts: the texts to look in.
        is_whole: whether the whole text must match.
    """
    compiled = java_class(gateway.jvm, "java.util.regex.Pattern").compile(pattern)

    def is_found(text: str) -> bool:
        matcher = compiled.matcher(text)
        try:
            return bool(matcher.matches() if is_whole else matcher.find())
        finally:
            gateway.detach(matcher)

    try:
        return [text for text in texts if is_found(text)]
    finally:
        gateway.detach(compiled)
