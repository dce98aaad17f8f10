"""Fetches a file once, and checks it against its pin before every use.

`ci/fetch_pinned.py URL SHA256 FILE` ends with 1, and the reason, where FILE can't be
had or is not the one that is pinned. It runs on any Python 3.8 or newer.
"""

import hashlib
import shutil
import sys
import tempfile
import urllib.request
from pathlib import Path


def main(url: str, sha256: str, name: str) -> None:
    file = Path(name)
    if file.is_file():
        if sha256_of(file) != sha256:
            sys.exit(f"{file} is damaged: remove it and run again.")
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        part = Path(folder) / file.name
        try:
            with (
                urllib.request.urlopen(url, timeout=60) as source,
                part.open("wb") as to,
            ):
                shutil.copyfileobj(source, to)
        except OSError as error:
            sys.exit(f"{url} can't be fetched: {error}")
        if sha256_of(part) != sha256:
            sys.exit(
                f"{url} is not the file that is pinned (its sha256 differs). "
                "Check the mirror, or the pin."
            )
        part.replace(file)


def sha256_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


main(*sys.argv[1:])
