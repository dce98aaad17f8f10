"""Whether to reuse what is kept."""

from __future__ import annotations

import os

from spark_kafka_testkit import _arguments

__all__ = ["REUSE_ENV", "choose_reuse"]

REUSE_ENV = "SPARK_KAFKA_TESTKIT_REUSE"


def choose_reuse(reuse: bool | None = None) -> bool:
    """Whether to reuse what is kept, from the argument, else from the environment.

    Raises:
        TypeError: the argument is not a bool.
        ValueError: the variable is neither 1 nor 0.
    """
    if reuse is not None:
        return _arguments.flag("reuse", reuse)
    text = os.environ.get(REUSE_ENV) or "0"
    if text not in ("0", "1"):
        raise ValueError(f"{REUSE_ENV} must be 1 or 0, got {text!r}")
    return text == "1"
