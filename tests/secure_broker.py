"""A broker that requires a password or a certificate.

It is an embedded node with listeners of each kind, and certificates made for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spark_kafka_testkit._brokers.broker import BrokerSettings
from spark_kafka_testkit._brokers.embedded import EmbeddedBroker
from spark_kafka_testkit._brokers.ports import free_ports
from tests.certificates import KEY_PASSWORD, make_certificates

PASSWORD = 'p"a\\ss; 5ec3e7'  # noqa: S105
SECRET = "5ec3e7"  # noqa: S105
MODULE = "org.apache.kafka.common.security"


def quoted(password: str) -> str:
    """The password as it appears between the quotes of `sasl.jaas.config`."""
    return password.replace("\\", "\\\\").replace('"', '\\"')


@dataclass(frozen=True)
class SecureBroker:
    """The addresses of its listeners, and the folder with the certificates.

    The files are `ca.pem` and `client.pem` (key and certificate, where the key's
    password is KEY_PASSWORD).
    """

    plaintext: str
    sasl_ssl: str
    ssl: str
    folder: Path

    @property
    def trust(self) -> dict[str, str]:
        return {
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.folder / "ca.pem"),
        }

    def sasl(self, mechanism: str, password: str = PASSWORD) -> dict[str, str]:
        """The client settings for the listener `sasl_ssl`."""
        login_module = "plain.PlainLoginModule"
        if mechanism.startswith("SCRAM"):
            login_module = "scram.ScramLoginModule"
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": f"{MODULE}.{login_module} required "
            f'username="alice" password="{quoted(password)}";',
            **self.trust,
        }

    def mutual_tls(self) -> dict[str, str]:
        """The client settings for the listener `ssl`."""
        return {
            "security.protocol": "SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.folder / "client.pem"),
            "ssl.key.password": KEY_PASSWORD,
            **self.trust,
        }


@contextmanager
def secure_broker(folder: Path) -> Iterator[SecureBroker]:
    make_certificates(folder)
    plaintext, sasl_ssl, ssl, controller = free_ports(4)
    listeners = {"PLAINTEXT": plaintext, "SASL_SSL": sasl_ssl, "SSL": ssl}
    where = ",".join(
        f"{protocol}://127.0.0.1:{port}" for protocol, port in listeners.items()
    )
    config = {
        "listeners": f"{where},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": where,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,"
        "SSL:SSL,CONTROLLER:PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "server.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.ssl.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f"{MODULE}.plain."
        f'PlainLoginModule required user_alice="{quoted(PASSWORD)}";',
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": f"{MODULE}.scram."
        "ScramLoginModule required;",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{MODULE}.scram."
        "ScramLoginModule required;",
    }
    broker = EmbeddedBroker(BrokerSettings(broker_config=config))
    try:
        yield SecureBroker(
            f"127.0.0.1:{plaintext}",
            f"127.0.0.1:{sasl_ssl}",
            f"127.0.0.1:{ssl}",
            folder,
        )
    finally:
        broker.stop()
