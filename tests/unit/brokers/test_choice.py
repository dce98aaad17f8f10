"""Which kind of broker is taken, by argument and environment."""

from __future__ import annotations

import pytest

from spark_kafka_testkit._brokers.choice import choose_backend

BACKEND = "SPARK_KAFKA_TESTKIT_BACKEND"
BOOTSTRAP = "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS"


@pytest.mark.parametrize(
    ("backend", "address", "environment", "chosen"),
    [
        (None, None, {}, ("auto", None)),
        ("embedded", None, {}, ("embedded", None)),
        (None, "h:1", {}, ("external", "h:1")),
        ("auto", "h:1", {}, ("external", "h:1")),
        ("external", "h:1", {}, ("external", "h:1")),
        (None, None, {BACKEND: "container"}, ("container", None)),
        ("embedded", None, {BACKEND: "container"}, ("embedded", None)),
        (None, None, {BOOTSTRAP: "h:2"}, ("external", "h:2")),
        (None, "h:1", {BOOTSTRAP: "h:2"}, ("external", "h:1")),
        (None, "h:1", {BACKEND: "embedded"}, ("external", "h:1")),
        ("external", None, {BOOTSTRAP: "h:2"}, ("external", "h:2")),
        ("embedded", None, {BOOTSTRAP: "h:2"}, ("embedded", None)),
        (None, None, {BACKEND: ""}, ("auto", None)),
    ],
)
def test_arguments_come_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    backend: str | None,
    address: str | None,
    environment: dict[str, str],
    chosen: tuple[str, str | None],
) -> None:
    """An address means an external broker; nothing at all means auto."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert choose_backend(backend, address) == chosen


@pytest.mark.parametrize(
    ("backend", "address", "text"),
    [
        (
            "docker",
            None,
            "Unknown backend 'docker'. "
            "Choose one of: auto, container, embedded, external.",
        ),
        (
            "embedded",
            "h:1",
            "backend='embedded' starts its own broker. Leave out "
            "bootstrap_servers='h:1'.",
        ),
        (
            "external",
            None,
            "backend='external' needs bootstrap_servers=..., or "
            "SPARK_KAFKA_TESTKIT_BOOTSTRAP_SERVERS in the environment",
        ),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(
    backend: str, address: str | None, text: str
) -> None:
    """They are refused before anything is started."""
    with pytest.raises(ValueError, match="backend") as caught:
        choose_backend(backend, address)
    assert str(caught.value) == text
