"""A cluster's settings, as each kind of client wants them."""

from __future__ import annotations

from spark_kafka_testkit._model.client_config import Access


def test_spark_does_not_wait_half_a_second_at_a_topics_end() -> None:
    """Its readers' fetches end soon, and with them the questions behind them."""
    assert Access("h:1").for_spark() == {
        "kafka.bootstrap.servers": "h:1",
        "kafka.fetch.max.wait.ms": "10",
    }


def test_sparks_fetches_wait_as_long_as_the_user_says() -> None:
    """`client_config` is over what the kit sets."""
    options = Access("h:1", {"fetch.max.wait.ms": "100"}).for_spark()
    assert options["kafka.fetch.max.wait.ms"] == "100"


def test_how_long_fetches_wait_is_no_secret() -> None:
    """The repr hides only what may be one."""
    options = Access("h:1", {"ssl.key.password": "5ec3e7"}).for_spark()
    assert repr(options) == (
        "{'kafka.fetch.max.wait.ms': '10', 'kafka.ssl.key.password': '[hidden]', "
        "'kafka.bootstrap.servers': 'h:1'}"
    )
