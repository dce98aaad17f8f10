"""Values of settings that must not be seen, and texts from elsewhere without them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["MASK", "Secret", "hidden", "masked"]

MASK = "***"
SHOWN = (
    "bootstrap.servers",
    "security.protocol",
    "sasl.mechanism",
    ".location",
    ".type",
    ".algorithm",
)
"""The endings of settings whose values may be shown."""
PLAIN = re.compile(r"true|false|[-+]?\d+(\.\d+)?", re.I)
"""Values that may be shown, unless the name says otherwise."""
SECRET_NAME = re.compile("password|secret|token|credential|jaas", re.I)


class Secret(str):
    """A text that no repr shows.

    That includes the repr of a dict that contains it, and what pytest prints about
    failed calls. Everything that uses the text, Spark and Kafka's clients included,
    gets it unchanged.
    """

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return self  # a plain str would be shown again


def hidden(settings: Any) -> Any:
    """The settings, with every value that may be a secret hidden.

    It refuses nothing, so that it can run before anything that may fail. A value that
    can't be a setting is replaced by an object whose type has the same name, for an
    error.
    """
    if settings is None:
        return None
    if not isinstance(settings, Mapping):
        return _stand_in(settings)
    return {name: _hidden(name, value) for name, value in settings.items()}


def _hidden(name: object, value: object) -> object:
    if not isinstance(name, str):
        return _stand_in(value)  # its name gets it refused
    if not isinstance(value, (str, int, float)):
        return _stand_in(value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    is_shown = PLAIN.fullmatch(text) and not SECRET_NAME.search(name)
    return value if is_shown or name.endswith(SHOWN) else Secret(text)


def _stand_in(value: object) -> object:
    return type(type(value).__name__, (), {"__repr__": lambda _: MASK})()


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, where they occur as separate words."""
    longest_first = sorted(filter(None, secrets), key=len, reverse=True)
    if not longest_first:
        return text
    words = "|".join(map(re.escape, longest_first))
    return re.sub(rf"(?<!\w)(?:{words})(?!\w)", MASK, text)
