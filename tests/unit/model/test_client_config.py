"""A cluster's settings, as each kind of client wants them."""

from __future__ import annotations

from spark_kafka_testkit._model.client_config import ClientConfig


def test_spark_does_not_wait_half_a_second_at_a_topics_end() -> None:
    """Its readers' fetches end soon, and with them the questions behind them."""
    assert ClientConfig("h:1").for_spark() == {
        "kafka.bootstrap.servers": "h:1",
        "kafka.fetch.max.wait.ms": "10",
    }


def test_sparks_fetches_wait_as_long_as_the_user_says() -> None:
    """`client_config` is over what the kit sets."""
    options = ClientConfig("h:1", {"fetch.max.wait.ms": "100"}).for_spark()
    assert options["kafka.fetch.max.wait.ms"] == "100"


def test_how_long_fetches_wait_is_no_secret() -> None:
    """The repr hides only what may be one."""
    options = ClientConfig("h:1", {"ssl.key.password": "5ec3e7"}).for_spark()
    assert repr(options) == (
        "{'kafka.fetch.max.wait.ms': '10', 'kafka.ssl.key.password': ***, "
        "'kafka.bootstrap.servers': 'h:1'}"
    )


JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="u" password="org.apache.kafka.\\"x";'
)
SASL = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "PLAIN",
    "sasl.jaas.config": JAAS,
    "sasl.login.class": "org.apache.kafka.common.security.Login",
    "client.id": "org.apache.kafka.mine",
}


def test_a_relocated_kafka_has_its_own_names_of_classes() -> None:
    """Databricks' connector finds no login module by Apache's name."""
    options = ClientConfig("h:1", SASL).for_spark("kafkashaded.")
    assert options["kafka.sasl.jaas.config"] == f"kafkashaded.{JAAS}"
    assert (
        options["kafka.sasl.login.class"] == f"kafkashaded.{SASL['sasl.login.class']}"
    )
    assert options["kafka.client.id"] == SASL["client.id"]
    assert ClientConfig("h:1", SASL).for_spark()["kafka.sasl.jaas.config"] == JAAS


def test_a_relocated_name_of_the_users_is_taken_back_for_others() -> None:
    """The kit's own clients have Kafka's classes where Apache has them."""
    client_config = ClientConfig(
        "h:1", {**SASL, "sasl.jaas.config": f"kafkashaded.{JAAS}"}
    )
    assert client_config.for_java()["sasl.jaas.config"] == JAAS
    options = client_config.for_spark("kafkashaded.")
    assert options["kafka.sasl.jaas.config"] == f"kafkashaded.{JAAS}"
