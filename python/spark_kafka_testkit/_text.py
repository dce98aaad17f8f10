"""Texts for people."""

from __future__ import annotations

__all__ = ["readable"]


def readable(data: bytes) -> str | bytes:
    """Bytes as text, where they are UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
