"""Nothing that pytest prints has a password of `client_config`, whatever fails."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Inner, text_of

pytest_plugins = ["pytester"]

SECRET = "hunter2-5ec3e7"  # noqa: S105

# These functions have ended when a test fails: the kit can't hide the variables of a
# test's own functions.
LOGIN = '''
import os

def password():
    return os.environ["LOGIN_PASSWORD"]

def login(**changes):
    """With TLS and a password, which the broker of the run does not ask for."""
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    settings = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": f\'{module} username="u" password="{password()}";\',
    }
    for name, text in changes.items():
        settings[name.replace("_", ".")] = text
    return settings

def plain():
    """What the broker of the run takes, and Java's client does not."""
    return {"ssl.key.password": password(), "metadata.max.idle.ms": password()}
'''
FAILING = """
import pytest
from login import login, password, plain
from spark_kafka_testkit import KafkaUtils

NOWHERE = "127.0.0.1:1"

@pytest.fixture
def kafka(kafka_utils):
    with KafkaUtils(
        bootstrap_servers=kafka_utils.broker, client_config=plain()
    ) as kafka:
        yield kafka

def test_no_dict():
    KafkaUtils(bootstrap_servers=NOWHERE, client_config=password())

def test_no_text():
    KafkaUtils(
        bootstrap_servers=NOWHERE,
        client_config=login(ssl_key_password=password().encode()),
    )

def test_another_argument():
    KafkaUtils(backend="embeded", client_config=login())

def test_no_address():
    KafkaUtils(backend="embedded", client_config=login())

def test_protocol():
    KafkaUtils(
        bootstrap_servers=NOWHERE, client_config=login(security_protocol="TLS")
    )

def test_mechanism():
    KafkaUtils(bootstrap_servers=NOWHERE, client_config=login(sasl_mechanism="X"))

def test_login():
    KafkaUtils(
        bootstrap_servers=NOWHERE, client_config=login(sasl_jaas_config=password())
    )

def test_number():
    KafkaUtils(
        bootstrap_servers=NOWHERE, client_config=login(request_timeout_ms=password())
    ).setup()

def test_key():
    KafkaUtils(
        bootstrap_servers=NOWHERE, client_config=login(ssl_keystore_key=password())
    ).setup()

def test_no_broker():
    KafkaUtils(bootstrap_servers=NOWHERE, client_config=login()).setup()

def test_java(kafka, kafka_topic):
    kafka.send_messages(kafka_topic, [("k", "v")])

def test_options(kafka):
    assert kafka.spark_options() == {}

def test_copies(kafka):
    options = kafka.spark_options()
    copies = [options.copy(), options | {}, dict(options), {**options}]
    assert copies == [] and vars(kafka)

def test_attributes(kafka):
    attributes = vars(kafka)
    assert attributes == {}

def test_text(kafka):
    assert kafka.spark_options()["kafka.ssl.key.password"] == "hunter"

def test_part(kafka):
    assert "hunter3" in kafka.spark_options()["kafka.ssl.key.password"]

def test_producer(kafka):
    assert kafka.producer.config == {}
"""


@pytest.mark.parametrize(
    "style", [(), ("-vv", "-l", "--tb=long", "--full-trace")], ids=["brief", "all"]
)
def test_no_failure_shows_the_password(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, style: tuple[str, ...]
) -> None:
    """Neither arguments, local variables, differences nor Java's texts show it."""
    monkeypatch.setenv("LOGIN_PASSWORD", SECRET)
    result = inner(*style, login=LOGIN, test_failing=FAILING)
    printed = text_of(result)
    result.assert_outcomes(failed=FAILING.count("def test_"))
    assert [line for line in printed.splitlines() if "5ec3e7" in line] == []
    assert "test_text - assert *** == ***" in printed
    assert "Invalid value *** for configuration metadata.max.idle.ms" in printed
