"""The Spark session of `kafka_spark`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from spark_kafka_testkit._jvm.spark_jvm import SparkJvm, active_session
from spark_kafka_testkit._spark.attach import attach, new_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["session"]

USERS_FIXTURES = ("spark", "spark_session")
OWN_CONF = {"spark.master": "local[2]", "spark.app.name": "pytest"}


@contextmanager
def session(
    request: pytest.FixtureRequest, conf: Mapping[str, str]
) -> Iterator[SparkSession]:
    """The user's session where there is one, with helper and connector added: that of
    a fixture, else one that runs; else one of our own, which is stopped.
    """
    users = _of_fixture(request) or active_session()
    if users is not None:
        if SparkJvm.of(users) is not None:  # Spark Connect works without
            attach(users)
        yield users
        return
    own = new_session({**OWN_CONF, **conf})
    try:
        attach(own)  # options of PYSPARK_SUBMIT_ARGS may have hidden the jars
        yield own
    finally:
        own.stop()


def _of_fixture(request: pytest.FixtureRequest) -> Any:
    for name in USERS_FIXTURES:
        try:
            return request.getfixturevalue(name)
        except pytest.FixtureLookupError as error:
            if error.argname != name:  # it exists, and wants something that does not
                raise
        except pytest.fail.Exception as error:
            if not str(error).startswith("ScopeMismatch"):
                raise
            pytest.fail(
                f"The fixture {name!r} must have the scope 'session': kafka_spark "
                "takes its Spark session. Or define a fixture kafka_spark of your own "
                f"that returns it, with KafkaUtils.attach({name}).",
                pytrace=False,
            )
    return None
