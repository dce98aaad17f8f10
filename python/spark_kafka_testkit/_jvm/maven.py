"""A Maven repository: its address, its login, and when to ask again."""

from __future__ import annotations

import base64
import hashlib
import http.client
import logging
import netrc
import os
import re
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import SplitResult, unquote, urlsplit

from spark_kafka_testkit import _clock
from spark_kafka_testkit.errors import JarError

__all__ = ["FetchError", "Repository", "StorageError"]

log = logging.getLogger("spark_kafka_testkit")

TIMEOUT_SECONDS = 60
PAUSES = (0.5, 2.0)  # seconds before the second and the third try
LONGEST_PAUSE = 60.0
BUSY = (408, 425, 429)  # and all from 500 on
STOPPED = "it was cancelled when another file failed"
PORTS = {"http": 80, "https": 443}


class FetchError(Exception):
    """A file can't be fetched. The text is the reason."""


class StorageError(FetchError):
    """What was received can't be written. The cause is the system's error."""


class _ShortError(Exception):
    """An answer that was cut off."""


@dataclass(frozen=True)
class Repository:
    """A Maven repository.

    Attributes:
        url: its address, without user and password.
        login: where user and password come from, in words, or None without them.
    """

    url: str
    login: str | None = None
    _authorization: str | None = field(default=None, repr=False)

    @classmethod
    def of_environment(cls, variable: str, default: str) -> Repository:
        """The repository that the environment variable names, else the default.

        User and password come from the address, else from `~/.netrc` (or the file that
        NETRC names).

        Raises:
            JarError: the variable does not hold an address.
        """
        problem = _problem(variable)
        if problem is not None:
            raise JarError(problem)
        address = (os.environ.get(variable) or default).rstrip("/")
        parts = urlsplit(address)
        user_info, at, host = parts.netloc.rpartition("@")
        if not at:
            return cls(address, *_of_netrc(parts))
        user, _, password = user_info.partition(":")
        return cls(
            parts._replace(netloc=host).geturl(),
            variable,
            _basic(unquote(user), unquote(password)),
        )

    def fetch(
        self,
        path: str,
        size: int,
        file: BinaryIO,
        advance: Callable[[int], None],
        stop: threading.Event,
    ) -> str:
        """Write the file at the path, and return its sha256.

        Temporary failures are tried again. A busy server is asked again after the time
        that it names, and a broken connection is opened again.

        Args:
            path: the path in the repository.
            size: the expected number of bytes, for messages.
            file: the file to write to. Its content is overwritten.
            advance: called with the bytes of each piece, and with those lost.
            stop: an event that ends it.

        Raises:
            FetchError: the file can't be fetched.
        """
        for pause in (*PAUSES, None):
            try:
                return self._try(path, size, file, advance, stop)
            except _EXPECTED as error:
                reason, wait = self._judge(error, pause)
            if wait is None:
                raise FetchError(reason)  # no frame of a request hangs on it here
            level = logging.WARNING if wait > max(PAUSES) else logging.INFO
            log.log(level, "%s: %s, trying again in %.1f s", path, reason, wait)
            if stop.wait(wait):
                break
        raise FetchError(STOPPED)

    def _try(
        self,
        path: str,
        size: int,
        file: BinaryIO,
        advance: Callable[[int], None],
        stop: threading.Event,
    ) -> str:
        digest, done = hashlib.sha256(), 0
        file.seek(0)
        file.truncate()
        request = urllib.request.Request(f"{self.url}/{path}")
        if self._authorization is not None:
            request.add_unredirected_header("Authorization", self._authorization)
        opener = urllib.request.build_opener(_Redirects)
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                whole = getattr(response, "length", None)
                if whole is None and not getattr(response, "chunked", False):
                    whole = size  # it ends with the connection, whatever ends that
                while chunk := _piece(response, done, size):
                    digest.update(chunk)
                    _write(file, chunk)
                    done += len(chunk)
                    advance(len(chunk))
                    if stop.is_set():
                        raise FetchError(STOPPED)
                if whole is not None and done < whole:
                    raise _ShortError(f"it ended after {done} of {whole} bytes")
        except BaseException:
            advance(-done)
            raise
        return digest.hexdigest()

    def _judge(self, error: Exception, pause: float | None) -> tuple[str, float | None]:
        """Why it failed, and the seconds until the next try, or None for no more."""
        reason = str(error)
        if isinstance(error, urllib.error.HTTPError):
            error.close()
            if error.code == 401:
                reason += self._login_hint()
            if error.code not in BUSY and error.code < 500:
                return reason, None
            asked = _retry_after(error.headers)
            if asked is not None and asked > LONGEST_PAUSE:
                return f"{reason} (the server asks to wait {asked:.0f} s)", None
            return reason, asked if None not in (asked, pause) else pause
        if isinstance(error, (ValueError, http.client.InvalidURL)) and any(
            "@" in address for address in urllib.request.getproxies().values()
        ):  # its text may hold a password that was read as a port
            return "its address, or that of the proxy, is not valid", None
        cause = getattr(error, "reason", None)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return reason, None
        return reason, pause if isinstance(error, (OSError, _ShortError)) else None

    def _login_hint(self) -> str:
        if self.login is not None:
            return f" (with the user and password of {self.login})"
        return (
            " (no user and password were sent. They can be in the address, "
            "https://user:password@host/path, or in ~/.netrc)"
        )


def _piece(response: Any, done: int, size: int) -> bytes:
    try:
        return bytes(response.read(1 << 16))
    except http.client.IncompleteRead as error:
        done += len(error.partial)
        raise _ShortError(f"it ended after {done} of {size} bytes") from error


def _write(file: BinaryIO, chunk: bytes) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        raise StorageError(f"it can't be written: {error}") from error


_EXPECTED = (OSError, ValueError, http.client.HTTPException, _ShortError)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Send user and password on only to the same server, or to its https."""

    def redirect_request(self, req: Any, *rest: Any) -> Any:
        new = super().redirect_request(req, *rest)
        authorization = req.unredirected_hdrs.get("Authorization")
        if new is not None and authorization and _is_same(req.full_url, new.full_url):
            new.add_unredirected_header("Authorization", authorization)
        return new


def _is_same(old: str, new: str) -> bool:
    def server(url: str) -> tuple[str, str | None, int | None]:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)

    before, after = server(old), server(new)
    return before == after or (
        (before[0], before[2]) == ("http", 80)
        and after == ("https", before[1], PORTS["https"])
    )


def _retry_after(headers: Any) -> float | None:
    """The seconds that the server asks to wait, or None if it does not say."""
    text = (headers.get("Retry-After") or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    return max(0.0, until.timestamp() - _clock.now())


def _problem(variable: str) -> str | None:
    """Why the variable's address can't be used, without its user and password."""
    address = os.environ.get(variable, "")
    shown = re.sub(r"(?s)^([A-Za-z][\w+.-]*://)?.*@", r"\1***@", address)
    if shown == address:
        return None  # has no secret: whoever opens it will report what is wrong
    try:
        parts = urlsplit(address)
        is_whole = address.count("@") == parts.netloc.count("@") and parts.hostname
        parts.port  # noqa: B018  reading it may raise
    except ValueError:
        is_whole = None
    if is_whole and parts.scheme in PORTS:
        return None
    return (
        f"{variable} is {shown}, which is not the address of a Maven repository. "
        "Expected https://user:password@host/path. In user, password and path write @ "
        ": / ? # % as %40 %3A %2F %3F %23 %25."
    )


def _of_netrc(parts: SplitResult) -> tuple[str, str] | tuple[()]:
    """The file with a login for this host and the login, or an empty tuple."""
    name = os.environ.get("NETRC") or os.path.expanduser("~/.netrc")  # noqa: PTH111  raises nothing
    try:
        entry = netrc.netrc(name).hosts.get(parts.hostname or "")
    except OSError:  # does not exist, or is not readable for us
        return ()
    except (netrc.NetrcParseError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", None)  # its text may hold a password
        log.warning("%s is not used: it can't be read, line %s", name, line)
        return ()
    if entry is None:
        return ()
    user, _, password = entry
    return str(Path(name)), _basic(user, password or "")


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
