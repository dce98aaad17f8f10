"""Containers that outlive a run: found again by their label, their topics removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from spark_kafka_testkit._jars import cache_folder
from spark_kafka_testkit.access import Access
from spark_kafka_testkit.brokers import BrokerSettings
from spark_kafka_testkit.clients._kafka import await_api, make_admin
from spark_kafka_testkit.errors import BrokerUnreachableError
from spark_kafka_testkit.topics import delete_topics

__all__ = ["HOST_PORT", "LABEL", "Reuse"]

LABEL = "spark-kafka-testkit"
REUSE_LABEL = f"{LABEL}.reuse"
HOST_PORT = 9093
PROBE_SECONDS = 5.0


class Reuse:
    """One reusable container: that of an image with these settings."""

    def __init__(self, image: str, settings: BrokerSettings) -> None:
        network = str(getattr(settings.network, "name", settings.network))
        facts = asdict(replace(settings, image=image, network=network))
        text = json.dumps(facts, sort_keys=True)
        self._key = hashlib.sha256(text.encode()).hexdigest()[:12]

    def hint(self) -> str:
        """How to remove it."""
        return (
            "remove it with: "
            f"docker rm -fv $(docker ps -aqf label={REUSE_LABEL}={self._key})"
        )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time finds or starts it."""
        from filelock import FileLock

        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"reuse-{self._key}.lock"):
            yield

    def find(self) -> str | None:
        """The address of the running container, its topics removed; else None, and what
        is left of one that does not answer is removed.
        """
        from testcontainers.core.docker_client import DockerClient

        client: Any = DockerClient()
        try:
            label = {"label": f"{REUSE_LABEL}={self._key}"}
            for container in client.client.containers.list(all=True, filters=label):
                bindings = container.ports.get(f"{HOST_PORT}/tcp")
                if container.status == "running" and bindings:
                    address = f"{client.host()}:{bindings[0]['HostPort']}"
                    if _is_cleaned(address):
                        return address
                container.remove(force=True, v=True)
            return None
        finally:
            client.client.close()

    def label(self, container: Any) -> None:
        """Labels the container as ours only: what carries testcontainers' session label
        is removed by its reaper when the session ends.
        """
        client = container.get_docker_client()
        labels = {LABEL: "reuse", REUSE_LABEL: self._key}

        def create(image: str, **settings: Any) -> Any:
            return client.client.containers.create(
                image, **{**settings, "labels": labels}
            )

        client.create = create


def _is_cleaned(address: str) -> bool:
    try:
        await_api(Access(address), PROBE_SECONDS)
    except BrokerUnreachableError:
        return False
    admin = make_admin(Access(address))
    try:
        delete_topics(admin, [t for t in admin.list_topics() if not t.startswith("__")])
    finally:
        admin.close()
    return True
