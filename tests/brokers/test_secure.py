"""A broker of the user's own, behind passwords and certificates: one form of settings
for all that the kit does.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit.errors import BrokerUnreachableError, HelperError
from spark_kafka_testkit.kafka_utils import cluster_of

from ..certificates import KEY_PASSWORD
from ..secure_broker import (
    MODULE,
    PASSWORD,
    SECRET,
    SecureBroker,
    quoted,
    secure_broker,
)

PAGE = Path(__file__).parents[2] / "docs/secure-brokers.md"
WAYS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "mTLS", "mTLS of text"]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    with secure_broker(tmp_path_factory.mktemp("certificates")) as secure:
        with KafkaUtils(bootstrap_servers=secure.plaintext) as kafka:
            add_scram_user(kafka)
        yield secure


def add_scram_user(kafka: KafkaUtils) -> None:
    from kafka.admin import (  # kafka-python 3
        ScramMechanism,
        UserScramCredentialUpsertion,
    )

    admin = kafka.admin_client
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        user = UserScramCredentialUpsertion("alice", mechanism, PASSWORD)
        assert admin.alter_user_scram_credentials([user]) == {"alice": None}


def settings(broker: SecureBroker, way: str) -> tuple[str, dict[str, str]]:
    """The address and the client settings for one way in."""
    if way == "mTLS":
        return broker.ssl, broker.mutual_tls()
    if way == "mTLS of text":
        return broker.ssl, {
            "security.protocol": "SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.key": (broker.folder / "client.p8").read_text(),
            "ssl.keystore.certificate.chain": (
                broker.folder / "client.crt"
            ).read_text(),
            "ssl.key.password": KEY_PASSWORD,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": (broker.folder / "ca.pem").read_text(),
        }
    return broker.sasl_ssl, broker.sasl(way)


@pytest.mark.parametrize("client", ["jvm", "kafka-python"])
@pytest.mark.parametrize("way", WAYS)
def test_every_call_goes_by_the_client_settings(
    broker: SecureBroker,
    topic: str,
    way: str,
    client: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Topics, sends, transactions, reads and the producer work, and no log holds a
    secret. What goes over the wire is the exception: kafka-python writes it at DEBUG.
    """
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CLIENT", client)
    address, config = settings(broker, way)
    caplog.set_level(logging.DEBUG)
    with KafkaUtils(bootstrap_servers=address, client_config=config) as kafka:
        kafka.create_topics([topic], num_partitions=2)
        kafka.send_messages(topic, [("a", "1")])
        kafka.send_messages(topic, [("b", "2")], transactional=True)
        kafka.producer.send(topic, key="c", value="3").get(30)
        assert kafka.get_all_records(None, topic) == {"a": "1", "b": "2", "c": "3"}
        assert kafka.client == client
        assert SECRET not in repr((kafka, kafka.spark_options(), cluster_of(kafka)))
        kafka.delete_topics([topic])
    wire = ("kafka.protocol", "kafka.net")
    said = [r.getMessage() for r in caplog.records if not r.name.startswith(wire)]
    assert said
    assert not [text for text in said if SECRET in text or "PRIVATE KEY" in text]
    told = [r.getMessage() for r in caplog.records if r.levelno > logging.DEBUG]
    assert not [text for text in told if SECRET in text]


def test_spark_takes_the_same_settings(
    broker: SecureBroker, topic: str, spark: object
) -> None:
    """`spark_options()` is all that its source needs."""
    for way in WAYS:
        address, config = settings(broker, way)
        with KafkaUtils(bootstrap_servers=address, client_config=config) as kafka:
            kafka.create_topics([topic])
            kafka.send_messages(topic, [("k", way)])
            assert (
                spark.read.format("kafka")  # type: ignore[attr-defined]
                .options(**kafka.spark_options())
                .option("subscribe", topic)
                .load()
                .count()
                == 1
            )


def shown(error: BaseException) -> str:
    """The error, those behind it, and the local variables of all frames but the
    test's.
    """
    assert error.__traceback__ is not None
    below = error.with_traceback(error.__traceback__.tb_next)
    told = traceback.TracebackException.from_exception(below, capture_locals=True)
    return "".join(told.format())


@pytest.mark.parametrize("way", ["PLAIN", "SCRAM-SHA-256"])
def test_a_wrong_password_is_reported_and_not_shown(
    broker: SecureBroker, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The error says that it may be the login, and not what was tried."""
    config = broker.sasl(way, "wrong-5ec3e7")
    kafka = KafkaUtils(bootstrap_servers=broker.sasl_ssl, client_config=config)
    with pytest.raises(BrokerUnreachableError) as caught:
        kafka.setup()
    assert str(caught.value).endswith(
        " It may refuse the login or the certificate (SASL_SSL). Its log has the "
        "reason. Check that the broker runs, and that this address is the one it "
        "advertises to clients on this machine."
    )
    assert SECRET not in shown(caught.value)
    assert SECRET not in caplog.text


def test_a_login_that_java_can_not_read_is_not_shown(
    broker: SecureBroker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kafka-python takes what the kit finds in the line, a word too many or not; Java
    tells of that word, which may be half of a password.
    """
    monkeypatch.setenv("SPARK_KAFKA_TESTKIT_CLIENT", "jvm")
    config = broker.sasl("PLAIN")
    config["sasl.jaas.config"] = config["sasl.jaas.config"].replace(
        '";', '" half-5ec3e7";'
    )
    with KafkaUtils(bootstrap_servers=broker.sasl_ssl, client_config=config) as kafka:
        kafka.create_topics([topic])
        with pytest.raises(HelperError) as caught:
            kafka.send_messages(topic, [("k", "v")])
    assert str(caught.value) == (
        "The JVM helper failed: org.apache.kafka.common.KafkaException: Failed to "
        "create new KafkaAdminClient"
    )
    text = shown(caught.value)
    assert "Value not specified for key '***' in JAAS config" in text
    assert SECRET not in text


def test_a_client_without_settings_is_reminded_of_them(broker: SecureBroker) -> None:
    """The broker does not say that it wants TLS; the error does."""
    with pytest.raises(BrokerUnreachableError) as caught:
        KafkaUtils(bootstrap_servers=broker.sasl_ssl).setup()
    assert " A broker that requires a login or TLS needs a client_config. " in str(
        caught.value
    )


REFUSED = {
    "jks": (
        {"security.protocol": "SSL", "ssl.truststore.location": "trust.jks"},
        "client_config: ssl.truststore.type is JKS, which the kit's admin client "
        "(kafka-python) can't read. Use PEM, which Java reads too: "
        "ssl.truststore.type=PEM (a JKS file is converted with: keytool "
        "-importkeystore -deststoretype PKCS12 -srckeystore OLD -destkeystore P12 && "
        "openssl pkcs12 -in P12 -out PEM)",
    ),
    "protocol": (
        {"security.protocol": "TLS"},
        "client_config: Unknown security.protocol 'TLS'. Choose one of: PLAINTEXT, "
        "SSL, SASL_PLAINTEXT, SASL_SSL.",
    ),
    "mechanism": (
        {"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER"},
        "client_config: sasl.mechanism='OAUTHBEARER' (Kafka's default is GSSAPI) can't "
        "be passed on to kafka-python, which creates topics. Choose one of: PLAIN, "
        "SCRAM-SHA-256, SCRAM-SHA-512.",
    ),
    "no password": (
        {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "PLAIN",
            "sasl.jaas.config": f'{MODULE}.plain.PlainLoginModule required username="a"'
            ' secret="5ec3e7";',
        },
        "client_config: sasl.jaas.config has no password. It must be "
        "'org.apache.kafka.common.security.plain.PlainLoginModule required "
        'username="..." password="...";\' (or ...scram.ScramLoginModule)',
    ),
    "login without SASL": (
        {"sasl.jaas.config": "5ec3e7"},
        "client_config has sasl.jaas.config, but security.protocol is PLAINTEXT. It "
        "must be SASL_SSL or SASL_PLAINTEXT.",
    ),
    "address": (
        {"bootstrap.servers": "h:1"},
        "client_config must not have 'bootstrap.servers'. Give it as "
        "bootstrap_servers=...",
    ),
}


@pytest.mark.parametrize(("config", "text"), REFUSED.values(), ids=REFUSED)
def test_settings_that_cant_work_are_refused_at_once(
    config: dict[str, str], text: str
) -> None:
    """The error says what to give instead, and shows no value."""
    with pytest.raises(ValueError, match="client_config") as caught:
        KafkaUtils(bootstrap_servers="127.0.0.1:9092", client_config=config)
    assert str(caught.value) == text


def test_settings_without_an_address_are_refused() -> None:
    """A broker of the kit's own takes no client settings."""
    with pytest.raises(ValueError, match="client_config") as caught:
        KafkaUtils(backend="embedded", client_config={"security.protocol": "SSL"})
    assert str(caught.value) == (
        "client_config is for a running broker. Give its address as "
        "bootstrap_servers=..., or leave out client_config."
    )


def test_certificates_that_are_none_are_reported(
    broker: SecureBroker, tmp_path: Path
) -> None:
    """The error names the settings."""
    (tmp_path / "no.pem").write_text("nothing")
    config = {**broker.mutual_tls(), "ssl.truststore.location": f"{tmp_path}/no.pem"}
    with pytest.raises(ValueError, match="can't be used") as caught:
        KafkaUtils(bootstrap_servers=broker.ssl, client_config=config).setup()
    assert str(caught.value).startswith(
        "client_config: the certificates or the key of ssl.truststore... and "
        "ssl.keystore... can't be used: "
    )


def test_topics_of_a_run_carry_a_prefix(kafka: KafkaUtils) -> None:
    """Names come from `topic()`, others are refused, and teardown deletes all that was
    created.
    """
    with KafkaUtils(bootstrap_servers=kafka.broker, topic_prefix="team") as utils:
        name = utils.topic("events")
        assert name.startswith("team-")
        assert name.endswith("-events")
        utils.create_topics([name])
        utils.send_messages(name, [("k", "v")])
        assert utils.get_all_records(None, name) == {"k": "v"}
        prefix = name.removesuffix("events")
        with pytest.raises(ValueError, match="does not begin") as caught:
            utils.create_topics(["events"])
        assert str(caught.value) == (
            f"Topic 'events' does not begin with {prefix!r}, the topic_prefix of this "
            "KafkaUtils. Write kafka.topic('events')."
        )
    assert name not in kafka.admin_client.list_topics()
    with KafkaUtils(bootstrap_servers=kafka.broker, topic_prefix="team") as other:
        assert other.topic("events") != name
    assert kafka.topic("events") == "events"


def test_the_block_of_the_page_on_secure_brokers_works(broker: SecureBroker) -> None:
    """It makes a KafkaUtils as printed, but for address and file."""
    ((code),) = re.findall(
        r"^```python secure\n(.*?)^```", PAGE.read_text(), re.M | re.S
    )
    for printed, here in (
        ("kafka.example.com:9093", broker.sasl_ssl),
        ("/etc/ssl/kafka-ca.pem", str(broker.folder / "ca.pem")),
    ):
        assert printed in code
        code = code.replace(printed, here)
    names: dict[str, Any] = {
        "KafkaUtils": KafkaUtils,
        "user": "alice",
        "password": quoted(PASSWORD),
    }
    exec(code, names)  # noqa: S102  that is what this test is for
    with names["kafka"] as kafka:
        events = kafka.topic("events")
        assert events.startswith("team-a-")
        kafka.create_topics([events])
        kafka.send_messages(events, [("user1", "login")])
        assert kafka.get_all_records(None, events) == {"user1": "login"}
