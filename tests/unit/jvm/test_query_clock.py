"""Sessions that can't have a clock."""

from __future__ import annotations

from typing import Any

import pytest

from spark_kafka_testkit._jvm.query_clock import helper_of
from spark_kafka_testkit._jvm.spark_jvm import SparkJvm
from spark_kafka_testkit.errors import SparkSetupError


def test_a_session_without_the_helper_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says what there is to do."""

    class Bare:
        def find_helper(self) -> tuple[None, str]:
            return None, "the helper jar is not on the session's class path"

    monkeypatch.setattr(SparkJvm, "of", lambda session: Bare())
    session: Any = object()
    with pytest.raises(SparkSetupError) as caught:
        helper_of(session)
    assert str(caught.value) == (
        "clock= needs the kit's helper in Spark's JVM, but the helper jar is not on "
        "the session's class path. Make the session with the settings of "
        "KafkaUtils.spark_conf(), or call KafkaUtils.attach(spark) first."
    )
