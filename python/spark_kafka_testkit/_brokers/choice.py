"""Choose where a broker comes from."""

from __future__ import annotations

import os
from typing import cast

from spark_kafka_testkit import _arguments
from spark_kafka_testkit._brokers.broker import (
    BACKEND_ENV,
    BACKENDS,
    BOOTSTRAP_ENV,
    Backend,
    Broker,
    BrokerSettings,
)
from spark_kafka_testkit._brokers.external import ExternalBroker
from spark_kafka_testkit._brokers.kept.broker import take
from spark_kafka_testkit._brokers.start import start_own
from spark_kafka_testkit._model.client_config import ClientConfig

__all__ = ["choose_backend", "start_broker"]


def choose_backend(
    backend: str | None, bootstrap_servers: str | None
) -> tuple[Backend, str | None]:
    """The backend and the external address that are asked for.

    Arguments come before the environment, and the default is `auto`.

    Raises:
        TypeError, ValueError: an invalid address, an unknown backend, or a backend that
            does not go with the address.
    """
    address = os.environ.get(BOOTSTRAP_ENV) or None
    if bootstrap_servers is not None:
        address = _arguments.addresses("bootstrap_servers", bootstrap_servers)
        asked = "external" if backend is None else backend
    elif backend is not None:
        asked = backend
    else:
        asked = os.environ.get(BACKEND_ENV) or ("external" if address else "auto")
    if asked not in BACKENDS:
        raise ValueError(_arguments.unknown("backend", asked, BACKENDS))
    if bootstrap_servers is not None and asked not in ("external", "auto"):
        raise ValueError(
            f"backend={asked!r} starts its own broker. "
            f"Leave out bootstrap_servers={bootstrap_servers!r}."
        )
    if asked == "external" and address is None:
        raise ValueError(
            "backend='external' needs bootstrap_servers=..., "
            f"or {BOOTSTRAP_ENV} in the environment"
        )
    if asked == "external" or bootstrap_servers is not None:
        if bootstrap_servers is None:
            _arguments.addresses(BOOTSTRAP_ENV, address)
        return "external", address
    return cast(Backend, asked), None


def start_broker(
    backend: Backend, config: ClientConfig | None, settings: BrokerSettings
) -> Broker:
    """Start or find the broker.

    `auto` starts a container if a Docker daemon answers, otherwise the embedded broker.
    `config` is for an external broker.

    Raises:
        BrokerStartError: none came up. The text describes each attempt.
        MissingDependencyError: the backend needs a Python package that is not
            installed.
    """
    if backend == "external":
        assert config is not None
        return ExternalBroker(config)
    if settings.reuse:
        return take(backend, settings)
    return start_own(backend, settings)
