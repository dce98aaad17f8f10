"""Secrets: no repr shows them, and all who need them get them."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import pprint
from pathlib import Path
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils
from spark_kafka_testkit._model.client_config import ClientConfig
from spark_kafka_testkit._model.secret import Secret, hidden, masked

PASSWORD = "5ec3e7 5ec3e7"  # noqa: S105
JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    f'username="alice" password="{PASSWORD}";'
)
SASL: dict[str, Any] = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "PLAIN",
    "sasl.jaas.config": JAAS,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": "/nowhere/ca.pem",
    "request.timeout.ms": 5000,
    "ssl.key.password": 123456,
}
SECRETS = ("5ec3e7", "123456")


def told(value: object) -> bool:
    """Whether one of the secrets is in what people see of the value."""
    seen = repr(value), pprint.pformat(value), f"{[value]}", f"{value!r:>9}"
    return any(secret in text for text in seen for secret in SECRETS)


def test_a_secret_is_the_text_to_all_but_a_repr() -> None:
    """`str()` of one is one too: what made it could not tell that it is no setting."""
    secret = Secret(PASSWORD)
    assert repr(secret) == repr({1: secret})[4:-1] == "***"
    assert secret == PASSWORD
    assert {secret: 1}[PASSWORD] == 1
    assert isinstance(str(secret), Secret)
    assert f"{secret}!" == secret + "!" == f"{PASSWORD}!"
    assert json.dumps({"password": secret}) == f'{{"password": "{PASSWORD}"}}'


@pytest.mark.parametrize(
    "copied",
    [
        dict,
        dict.copy,
        copy.copy,
        copy.deepcopy,
        lambda options: options | {},
        lambda options: {**options},
        lambda options: list(options.items()),
        lambda options: list(options.values()),
        lambda options: {k: str(v) for k, v in options.items()},
        lambda options: pickle.loads(pickle.dumps(options)),  # noqa: S301  our own
    ],
)
def test_what_is_made_of_sparks_options_shows_no_secret(copied: Any) -> None:
    """However a test puts them together."""
    options = ClientConfig("h:1", SASL).for_spark()
    assert options["kafka.sasl.jaas.config"] == JAAS
    assert options["kafka.ssl.key.password"] == "123456"
    assert not told(options)
    assert not told(copied(options))


def test_no_settings_of_a_config_show_a_secret() -> None:
    """As Java and kafka-python take them, and the object itself."""
    config = ClientConfig("h:1", {**SASL, "security.protocol": "SASL_PLAINTEXT"})
    from kafka import KafkaProducer

    settings = config.for_kafka_python(KafkaProducer)
    assert settings["sasl_plain_password"] == PASSWORD
    for shown in (config, vars(config), dataclasses.asdict(config), settings):
        assert not told(shown)
    assert not told(config.for_java())


def test_an_object_shows_no_secret() -> None:
    """Whatever looks at its attributes."""
    kafka = KafkaUtils(bootstrap_servers="127.0.0.1:1", client_config=SASL)
    assert not told(vars(kafka))
    assert not told(kafka)


def test_what_is_no_secret_is_seen() -> None:
    """Where a broker is, which mechanism is used, files, numbers, truth values."""
    shown = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "ssl.truststore.location": "/ca.pem",
        "request.timeout.ms": 5000,
        "allow.auto.create.topics": True,
        "retry.backoff.ms": "1.5",
    }
    assert repr(hidden(shown)) == repr(shown)
    assert repr(hidden({"a.password": 5, "b.secret": "true", "other": "x"})) == (
        "{'a.password': ***, 'b.secret': ***, 'other': ***}"
    )


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (PASSWORD, "client_config must be a dict, not str"),
        ([(PASSWORD, 1)], "client_config must be a dict, not list"),
        (
            {"ssl.key.password": PASSWORD.encode()},
            "client_config must map names of settings to text or numbers, but "
            "'ssl.key.password' has a bytes",
        ),
        (
            {"ssl.key.password": [PASSWORD]},
            "client_config must map names of settings to text or numbers, but "
            "'ssl.key.password' has a list",
        ),
    ],
)
def test_what_can_not_be_settings_is_named_and_not_shown(
    config: Any, text: str
) -> None:
    """Not in the error, and in no frame of the kit's that it has gone through."""
    with pytest.raises(TypeError) as caught:
        KafkaUtils(bootstrap_servers="127.0.0.1:1", client_config=config)
    assert str(caught.value).startswith(text)
    assert_untold(caught)


@pytest.mark.parametrize(
    "change",
    [
        {"security.protocol": "TLS"},
        {"security.protocol": "PLAINTEXT"},
        {"sasl.mechanism": "GSSAPI"},
        {"sasl.jaas.config": f'required username="u" secret="{PASSWORD}";'},
        {"bootstrap.servers": "h:1"},
        {"ssl.keystore.key": f"{PASSWORD}\ud800"},
        {"ssl.truststore.type": "JKS"},
    ],
)
def test_no_frame_of_a_refusal_shows_a_secret(change: dict[str, str]) -> None:
    """pytest prints arguments, and with `-l` all local variables."""
    with pytest.raises(ValueError, match="client_config") as caught:
        KafkaUtils(bootstrap_servers="127.0.0.1:1", client_config={**SASL, **change})
    assert_untold(caught)


@pytest.mark.parametrize(
    "change",
    [
        {},  # its truststore is not there
        {"request.timeout.ms": PASSWORD},
    ],
)
def test_no_frame_of_settings_for_kafka_python_shows_a_secret(
    change: dict[str, Any], tmp_path: Path
) -> None:
    """Files that are not there, numbers that are none."""
    settings = {**SASL, **change}
    config = ClientConfig("h:1", {k: v for k, v in settings.items() if v is not None})
    from kafka import KafkaProducer

    with pytest.raises(ValueError, match="client_config") as caught:
        config.for_kafka_python(KafkaProducer)
    assert_untold(caught)


def assert_untold(caught: pytest.ExceptionInfo[BaseException]) -> None:
    assert not told(str(caught.value))
    assert not told((caught.value.__cause__, caught.value.__context__))
    below = caught.traceback[1:]  # the first frame is the test's own
    assert below
    assert not any(told(dict(entry.locals)) for entry in below)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Invalid value a\\b c for x", "Invalid value *** for x"),
        ("'a\\b c', a\\b c; (a\\b c)", "'***', ***; (***)"),
        ("za\\b c a\\b cz", "za\\b c a\\b cz"),
        ("value longer than secret", "value *** secret"),
        ("nothing", "nothing"),
    ],
)
def test_secrets_are_masked_where_they_stand_alone(text: str, seen: str) -> None:
    """The longest first; other words stay as they are."""
    assert masked(text, ["a\\b c", "longer", "longer than", ""]) == seen
    assert masked(text, []) == text


@pytest.mark.parametrize(
    ("password", "said", "seen"),
    [
        ("5ec3e7", "value 5ec3e7: no number", "value ***: no number"),
        (
            'p"5ec"3e7',
            "Value not specified for key '3e7'",
            "Value not specified for key '***'",
        ),
        ('p\\"5ec', 'is p"5ec', "is ***"),
        ("alice", "alice and alice", "*** and ***"),
        ("5ec3e7", "for alice, required password", "for alice, required password"),
        (
            "5ec3e7",
            "org.apache.kafka.common.security.plain.PlainLoginModule",
            "org.apache.kafka.common.security.plain.PlainLoginModule",
        ),
    ],
)
def test_pieces_of_a_login_are_masked(password: str, said: str, seen: str) -> None:
    """Java tells words of a line that it can't read; a quote that is one too many makes
    words of a password.
    """
    jaas = JAAS.replace(PASSWORD, password)
    assert ClientConfig("h:1", {**SASL, "sasl.jaas.config": jaas}).masked(said) == seen


def test_lines_of_a_key_are_masked() -> None:
    """Java shows a line of what it can't read."""
    config = ClientConfig("h:1", {"ssl.keystore.key": "-----BEGIN\nMIIabc\n-----END\n"})
    assert config.masked("bad: MIIabc") == "bad: ***"


def test_numbers_in_texts_stay() -> None:
    """A setting of 5000 ms is no secret."""
    given: dict[str, Any] = {"request.timeout.ms": 5000, "ssl.key.password": 123}
    config = ClientConfig("h:1", given)
    assert config.masked("5000 ms, 123, 1234") == "5000 ms, ***, 1234"
