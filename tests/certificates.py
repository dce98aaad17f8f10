"""Certificates for the servers and clients of the tests."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

__all__ = [
    "KEY_PASSWORD",
    "make_certificates",
    "make_docker_certificates",
    "mutual_tls",
]

KEY_PASSWORD = "key-5ec3e7"  # noqa: S105


def make_certificates(folder: Path) -> None:
    """Make an authority, and a server and a client that it vouches for.

    The files are `ca.pem`, and for each of the two a `.key`, a `.crt` and a `.pem` with
    both. The client's key in its `.pem` has the password KEY_PASSWORD.
    """

    def openssl(*arguments: str) -> None:
        command = ["openssl", *arguments]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "rsa:2048", "-nodes")
    openssl(
        *("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30"),
        *("-subj", "/CN=authority"),
    )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("server", "client"):
        openssl(
            *("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr"),
            *("-subj", f"/CN={name}"),
        )
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey"),
            *("ca.key", "-CAcreateserial", "-out", f"{name}.crt", "-days", "30"),
            *("-extfile", "names"),
        )
    openssl(
        *("pkcs8", "-topk8", "-in", "client.key", "-out", "client.p8"),
        *("-v1", "PBE-SHA1-3DES", "-passout", f"pass:{KEY_PASSWORD}"),
    )
    for name, key_file in (("server", "server.key"), ("client", "client.p8")):
        texts = [(folder / part).read_text() for part in (key_file, f"{name}.crt")]
        (folder / f"{name}.pem").write_text("".join(texts))


def make_docker_certificates(folder: Path) -> None:
    """Make the same, with Docker's names for the client's files."""
    make_certificates(folder)
    (folder / "client.crt").rename(folder / "cert.pem")
    (folder / "client.key").rename(folder / "key.pem")


def mutual_tls(folder: Path) -> ssl.SSLContext:
    """A server context that requires a certificate of the folder's authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context
