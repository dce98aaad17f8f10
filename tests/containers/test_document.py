"""The document's Quick Start and patterns on containers of both contracts."""

from __future__ import annotations

from ..kafka_testing_md import test_kafka_testing_md as document
from .conftest import APACHE, CONFLUENT


class QuickStartConfluentTest(document.QuickStartTest):
    """On an image like Confluent's."""

    where = {"backend": "container", "image": CONFLUENT}


class PatternsConfluentTest(document.PatternsTest):
    """On an image like Confluent's."""

    where = {"backend": "container", "image": CONFLUENT}


class QuickStartApacheTest(document.QuickStartTest):
    """On an image like Apache's."""

    where = {"backend": "container", "image": APACHE}


class PatternsApacheTest(document.PatternsTest):
    """On an image like Apache's."""

    where = {"backend": "container", "image": APACHE}
