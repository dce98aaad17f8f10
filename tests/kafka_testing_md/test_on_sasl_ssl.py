"""The document's examples on a broker that wants a password over TLS: the same source,
where `.option("kafka.bootstrap.servers", ...)` has become `.options(...)`.
"""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path
from types import ModuleType

from spark_kafka_testkit import KafkaUtils

from ..secure_broker import secure_broker
from ..sessions import spark_session
from . import test_kafka_testing_md as document

PLAIN = '.option("kafka.bootstrap.servers", self.kafka_utils.broker)'
SECURE = ".options(**self.kafka_utils.spark_options())"


def _secured() -> ModuleType:
    assert document.__file__ is not None
    source = Path(document.__file__).read_text()
    assert source.count(PLAIN) == 7
    module = ModuleType(f"{__package__}.secured")
    module.__package__ = __package__
    sys.modules[module.__name__] = module
    code = compile(source.replace(PLAIN, SECURE), document.__file__, "exec")
    exec(code, vars(module))  # noqa: S102  the document's examples, but for that line
    return module


class _OnSaslSsl(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        opened = secure_broker(Path(folder.name))
        broker = opened.__enter__()
        cls.addClassCleanup(opened.__exit__, None, None, None)
        cls.spark = spark_session()  # type: ignore[attr-defined]
        cls.kafka_utils = KafkaUtils(  # type: ignore[attr-defined]
            bootstrap_servers=broker.sasl_ssl, client_config=broker.sasl("PLAIN")
        )
        cls.kafka_utils.setup()  # type: ignore[attr-defined]

    def tearDown(self) -> None:
        for query in self.spark.streams.active:  # type: ignore[attr-defined]
            query.stop()
        admin = self.kafka_utils.admin_client  # type: ignore[attr-defined]
        admin.delete_topics(
            [name for name in admin.list_topics() if not name.startswith("__")]
        )

    def _create(self, *topics: str) -> None:
        """An external broker creates none by itself on a send."""
        self.kafka_utils.create_topics(list(topics))  # type: ignore[attr-defined]


_module = _secured()


class QuickStartOnSaslSslTest(_OnSaslSsl, _module.QuickStartTest):  # type: ignore[misc, name-defined]
    """Quick Start."""

    def test_the_examples_of_the_reference(self) -> None:
        """As in the document."""
        self._create("test-topic")
        super().test_the_examples_of_the_reference()


class PatternsOnSaslSslTest(_OnSaslSsl, _module.PatternsTest):  # type: ignore[misc, name-defined]
    """Common Testing Patterns."""

    def test_kafka_aggregation(self) -> None:
        """As in the document."""
        self._create("source")
        super().test_kafka_aggregation()
