"""Spark's version numbers, including those that vendors give their builds."""

from __future__ import annotations

import re

__all__ = ["apache_version", "minor_numbers", "minor_version", "patch_number"]

APACHE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


def apache_version(version: str) -> str:
    """Apache's version within a vendor's.

    `3.5.4` for `3.5.4-amzn-0` (EMR, Glue), `3.3.2` for `3.3.2.3.3.7190.0-91`
    (Cloudera), `4.0.0` for `4.0.0-SNAPSHOT`. Previews are Apache's own, and stay as
    they are.
    """
    match = APACHE.match(version)
    if match is None or re.fullmatch(rf"{APACHE.pattern}-preview\d*", version):
        return version
    return f"{minor_version(version)}.{patch_number(version)}"


def minor_version(version: str) -> str:
    """`3.5` for `3.5.4-amzn-0`. Anything that is not a version stays as it is."""
    match = APACHE.match(version)
    return f"{match[1]}.{match[2]}" if match else version


def minor_numbers(version: str) -> tuple[int, int]:
    """`(3, 5)` for `3.5.4-amzn-0`, and `(0, 0)` for anything that is not a version."""
    match = APACHE.match(version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def patch_number(version: str) -> int:
    """4 for `3.5.4-amzn-0`, and 0 if there is none."""
    match = APACHE.match(version)
    return int(match[3] or 0) if match else 0
