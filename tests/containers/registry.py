"""A registry on loopback, with one image, that wants a password."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _image() -> tuple[bytes, dict[str, bytes]]:
    """A manifest, and what it names, of an image with one empty file."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("empty"))
    packed = gzip.compress(layer.getvalue(), mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer.getvalue())]},
        }
    ).encode()
    media_type = "application/vnd.docker.{}"
    parts = [
        (config, media_type.format("container.image.v1+json")),
        (packed, media_type.format("image.rootfs.diff.tar.gzip")),
    ]
    named: list[Any] = [
        {"mediaType": media_type, "size": len(data), "digest": _digest(data)}
        for data, media_type in parts
    ]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST}
    text = json.dumps({**manifest, "config": named[0], "layers": named[1:]}).encode()
    return text, {_digest(data): data for data, _ in parts}


@contextmanager
def registry(user: str, password: str) -> Iterator[str]:
    """Its address; every name and tag is that of the one image."""
    manifest, blobs = _image()
    blobs[_digest(manifest)] = manifest
    wanted = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"

    class Registry(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            if self.headers["Authorization"] != wanted:
                self._say(401, b"", {"WWW-Authenticate": 'Basic realm="registry"'})
            elif "/manifests/" in self.path:
                head = {
                    "Content-Type": MANIFEST,
                    "Docker-Content-Digest": _digest(manifest),
                }
                self._say(200, manifest, head)
            else:
                name = self.path.rpartition("/")[2]
                blob = blobs.get(name, b"{}")
                self._say(200, blob, {"Content-Type": "application/octet-stream"})

        def _say(self, code: int, body: bytes, head: dict[str, str]) -> None:
            self.send_response(code)
            for name, value in head.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keeps the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
