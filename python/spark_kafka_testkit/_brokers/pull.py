"""Images: pulled where they are missing, with progress shown."""

from __future__ import annotations

from typing import Any

from spark_kafka_testkit.errors import BrokerStartError

__all__ = ["pull"]


def pull(image: str) -> None:
    """Sees to it that the image is there; shows the progress on a terminal.

    Raises:
        BrokerStartError: it can't be pulled.
    """
    import docker
    from docker.errors import APIError, ImageNotFound

    client: Any = docker.from_env()
    try:
        client.images.get(image)
    except ImageNotFound:
        try:
            _pull(client, image)
        except APIError as error:
            raise BrokerStartError(
                f"it can't be pulled: {error.explanation}"
            ) from error
    finally:
        client.close()


def _pull(client: Any, image: str) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    layers: dict[str, tuple[int, int]] = {}
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as progress:
        task = progress.add_task(f"Pulling {image}", total=None)
        for event in client.api.pull(*_reference(image), stream=True, decode=True):
            if "error" in event:
                raise BrokerStartError(f"it can't be pulled: {event['error']}")
            detail = event.get("progressDetail") or {}
            if event.get("status") == "Downloading" and detail.get("total"):
                layers[event["id"]] = (detail["current"], detail["total"])
                done = sum(current for current, _ in layers.values())
                total = sum(size for _, size in layers.values())
                progress.update(task, completed=done, total=total)


def _reference(image: str) -> tuple[str, str | None]:
    """Repository and tag; `latest` where there is neither a tag nor a digest."""
    if "@" in image:
        return image, None
    repository, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:
        return image, "latest"
    return repository, tag
