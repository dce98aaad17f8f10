"""How to reach a cluster: its address, and the settings that clients need for it.

The settings have Kafka's own names, and are converted here for kafka-python and Spark.
They contain secrets, which no repr, log or error of the kit shows (`secret.py`).
"""

from __future__ import annotations

import re
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._model.secret import Secret, hidden, masked

__all__ = ["ClientConfig", "checked_settings"]

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
SPARKS_FETCHES = {"fetch.max.wait.ms": "10"}
"""How long a fetch waits for records at the end of a topic.

Spark's readers ask for offsets after each fetch (`InternalKafkaConsumer.fetch` in
`KafkaDataConsumer.scala`). The broker answers one request after another, so the offsets
wait for the next fetch. Kafka's default is half a second.
"""
RELOCATED = "kafkashaded."
"""A prefix that the names of Kafka's classes may have, as on Databricks."""
KAFKA_CLASS = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|"""
    rf"(?<![\w.])(?:{re.escape(RELOCATED)})?(?=org\.apache\.kafka\.)"
)
"""A quoted text, which may be a password, or the beginning of a Kafka class name."""
CLASSES = ("sasl.jaas.config", ".class", ".classes")
"""The endings of settings whose values name classes."""
JAAS_WORDS = re.compile(r"[\w.$]+LoginModule|required|username|password")
"""Words of a JAAS line that are not secret."""
SECRET_LETTERS = 3
"""The number of letters of a secret that would give something away."""


@dataclass(frozen=True)
class ClientConfig:
    """A cluster's address, and the client settings needed to reach it.

    Attributes:
        bootstrap_servers: the address.
        client_config: settings of Kafka's Java clients, by name.

    Raises:
        TypeError, ValueError: an invalid address or setting.
    """

    bootstrap_servers: str
    client_config: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        settings = hidden(self.client_config)  # before pytest can show it
        _arguments.addresses("bootstrap_servers", self.bootstrap_servers)
        object.__setattr__(self, "client_config", checked_settings(settings))

    def __str__(self) -> str:
        return self.bootstrap_servers

    def login_hint(self) -> str:
        """What else may be wrong if a broker does not seem to answer.

        kafka-python says no more than that about a refused login.
        """
        protocol = self.client_config.get("security.protocol", "PLAINTEXT")
        if protocol == "PLAINTEXT":
            return " A broker that requires a login or TLS needs a client_config."
        return (
            f" It may refuse the login or the certificate ({protocol}). Its log has "
            "the reason."
        )

    def masked(self, text: str) -> str:
        """A text from elsewhere, for example from Java, without the secrets."""
        pieces: set[str] = set()
        for name, value in self.client_config.items():
            if isinstance(value, Secret):
                pieces |= {value, *_pieces(name, value)}
        return masked(text, pieces)

    @property
    def names_classes(self) -> bool:
        """Whether a setting names Kafka classes."""
        return any(name.endswith(CLASSES) for name in self.client_config)

    def for_java(self) -> dict[str, str]:
        """The settings for a Java client."""
        return self._for_classes_below("")

    def _for_classes_below(self, prefix: str) -> dict[str, str]:
        settings = {
            name: KAFKA_CLASS.sub(lambda match: match[1] or prefix, value)
            if name.endswith(CLASSES)
            else value
            for name, value in self.client_config.items()
        }
        return {**hidden(settings), "bootstrap.servers": self.bootstrap_servers}

    def for_spark(self, prefix: str = "") -> dict[str, str]:
        """The options for Spark's Kafka source and sink.

        Args:
            prefix: what precedes the names of Kafka's classes in that Spark.
        """
        settings = {**SPARKS_FETCHES, **self._for_classes_below(prefix)}
        return {f"kafka.{name}": value for name, value in settings.items()}

    def for_kafka_python(self, client_class: Any) -> dict[str, Any]:
        """The settings for this class of kafka-python.

        They are the settings that the class has. Security settings become an SSL
        context, a user name and a password.

        Raises:
            ValueError: a file that can't be read, or is not PEM.
        """
        config = self.client_config
        settings: dict[str, Any] = {"bootstrap_servers": self.bootstrap_servers}
        for name, value in config.items():
            own = name.replace(".", "_")
            if not name.startswith("ssl.") and own in client_class.DEFAULT_CONFIG:
                settings[own] = _as(type(client_class.DEFAULT_CONFIG[own]), name, value)
        if jaas := config.get("sasl.jaas.config"):
            settings["sasl_plain_username"] = _of_jaas(jaas, "username")
            settings["sasl_plain_password"] = Secret(_of_jaas(jaas, "password"))
        if config.get("security.protocol", "").endswith("SSL"):
            settings["ssl_context"] = _ssl_context(config)
        return settings


def checked_settings(client_config: object) -> dict[str, str]:
    """The settings in the form that a `ClientConfig` keeps them.

    Raises:
        TypeError, ValueError: an invalid setting.
    """
    checked = _arguments.settings("client_config", client_config)
    if "bootstrap.servers" in checked:
        raise ValueError(
            "client_config must not have 'bootstrap.servers'. Give it as "
            "bootstrap_servers=..."
        )
    _check_protocol(checked)
    return checked


def _check_protocol(config: Mapping[str, str]) -> None:
    protocol = config.get("security.protocol", "PLAINTEXT")
    if protocol not in PROTOCOLS:
        raise ValueError(
            "client_config: "
            + _arguments.unknown("security.protocol", protocol, PROTOCOLS)
        )
    if protocol.startswith("SASL"):
        mechanism = config.get("sasl.mechanism", "GSSAPI")
        if mechanism not in MECHANISMS:
            raise ValueError(
                f"client_config: sasl.mechanism={mechanism!r} (Kafka's default is "
                "GSSAPI) can't be passed on to kafka-python, which creates topics. "
                f"Choose one of: {', '.join(MECHANISMS)}."
            )
        jaas = config.get("sasl.jaas.config", "")
        for name in ("username", "password"):
            if not _of_jaas(jaas, name):
                raise ValueError(
                    f"client_config: sasl.jaas.config has no {name}. It must be "
                    "'org.apache.kafka.common.security.plain.PlainLoginModule required "
                    'username="..." password="...";\' (or ...scram.ScramLoginModule)'
                )
    elif "sasl.jaas.config" in config:
        raise ValueError(
            f"client_config has sasl.jaas.config, but security.protocol is {protocol}. "
            "It must be SASL_SSL or SASL_PLAINTEXT."
        )
    for store in ("truststore", "keystore"):
        store_type = config.get(f"ssl.{store}.type", "JKS")
        if protocol.endswith("SSL") and f"ssl.{store}.location" in config:
            _check_pem(store, store_type)


def _check_pem(store: str, store_type: str) -> None:
    if store_type != "PEM":
        raise ValueError(
            f"client_config: ssl.{store}.type is {store_type}, which the kit's admin "
            "client (kafka-python) can't read. Use PEM, which Java reads too: "
            f"ssl.{store}.type=PEM (a {store_type} file is converted with: keytool "
            "-importkeystore -deststoretype PKCS12 -srckeystore OLD -destkeystore P12 "
            "&& openssl pkcs12 -in P12 -out PEM)"
        )


def _pieces(name: str, secret: str) -> set[str]:
    """The pieces of a secret that may occur alone in a text.

    These are its lines, and the words of a login too, because a missing or extra quote
    splits a password into words.
    """
    pieces = {line.strip() for line in secret.splitlines()}
    if name == "sasl.jaas.config":
        words = set(re.split(r"""[\s"'=;]+""", secret)) - {_of_jaas(secret, "username")}
        pieces |= {word for word in words if not JAAS_WORDS.fullmatch(word)}
        pieces.add(_of_jaas(secret, "password") or "")
    return {piece for piece in pieces if len(piece) >= SECRET_LETTERS}


def _as(value_type: type, name: str, value: str) -> Any:
    """The setting's text in the type that kafka-python expects."""
    if value_type is bool:
        return value == "true"
    if value_type in (int, float):
        try:
            return value_type(value)
        except ValueError:
            raise ValueError(f"client_config: {name} must be a number") from None
    return value


def _of_jaas(jaas: str, name: str) -> str | None:
    """An option of a JAAS line, without quotes and escapes."""
    match = re.search(
        rf"""\b{name}\s*=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""", jaas
    )
    return re.sub(r"\\(.)", r"\1", match[1][1:-1]) if match else None


def _ssl_context(config: Mapping[str, str]) -> ssl.SSLContext:
    """The SSL context for the settings, as Java would interpret them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    algorithm = config.get("ssl.endpoint.identification.algorithm", "https")
    context.check_hostname = algorithm.lower() == "https"
    try:
        _load_trust(context, config)
        _load_key(context, config)
        return context
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "strerror", None) or type(error).__name__
    # not in the handler: the error may contain the key, as an encoding error does
    raise ValueError(
        "client_config: the certificates or the key of ssl.truststore... and "
        f"ssl.keystore... can't be used: {reason}. Both must be PEM, the key with "
        "its certificates, and ssl.key.password the key's."
    )


def _load_trust(context: ssl.SSLContext, config: Mapping[str, str]) -> None:
    certificates = config.get("ssl.truststore.certificates")
    if "ssl.truststore.location" in config:
        certificates = Path(config["ssl.truststore.location"]).read_text()
    if certificates is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=certificates)


def _load_key(context: ssl.SSLContext, config: Mapping[str, str]) -> None:
    password = config.get("ssl.key.password", "")  # without it OpenSSL prompts
    if "ssl.keystore.location" in config:
        context.load_cert_chain(config["ssl.keystore.location"], password=password)
    elif "ssl.keystore.key" in config:
        with tempfile.NamedTemporaryFile("w", prefix=".", suffix=".pem") as file:
            file.write(config["ssl.keystore.key"].strip() + "\n")
            file.write(config.get("ssl.keystore.certificate.chain", "").strip() + "\n")
            file.flush()
            context.load_cert_chain(file.name, password=password)
