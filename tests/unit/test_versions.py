"""Version numbers of Spark's, as Apache and vendors write them."""

from __future__ import annotations

import pytest

from spark_kafka_testkit._versions import (
    apache_version,
    minor_numbers,
    minor_version,
    patch_number,
)


@pytest.mark.parametrize(
    ("version", "apache", "minor", "patch"),
    [
        ("4.2.1", "4.2.1", "4.2", 1),
        ("3.5.4-amzn-0", "3.5.4", "3.5", 4),  # EMR, Glue
        ("3.5.4+amzn.0", "3.5.4", "3.5", 4),  # EMR's pyspark
        ("3.5.0.3.4.2.0-123", "3.5.0", "3.5", 0),  # HDInsight, Synapse
        ("3.3.2.3.3.7190.0-91", "3.3.2", "3.3", 2),  # Cloudera
        ("3.5.x-scala2.12", "3.5.0", "3.5", 0),  # Databricks
        ("4.2.0-SNAPSHOT", "4.2.0", "4.2", 0),
        ("4.1.0.dev2", "4.1.0", "4.1", 0),
        ("4.0.0-preview1", "4.0.0-preview1", "4.0", 0),  # a release
        ("4.10.12", "4.10.12", "4.10", 12),
        ("unknown", "unknown", "unknown", 0),
    ],
)
def test_a_vendors_version_has_apaches_in_it(
    version: str, apache: str, minor: str, patch: int
) -> None:
    """It is what Maven coordinates and comparisons are made with."""
    assert apache_version(version) == apache
    assert minor_version(version) == minor
    assert patch_number(version) == patch


def test_minor_versions_compare_as_numbers() -> None:
    """What is not a version comes before all others."""
    versions = ["unknown", "3.5.4-amzn-0", "4.2.1", "4.10.12"]
    numbers = [minor_numbers(version) for version in versions]
    assert numbers == [(0, 0), (3, 5), (4, 2), (4, 10)]
