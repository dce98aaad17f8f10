"""Fetch a file once, and check it against its pin before every use.

`ci/fetch_pinned.py PATH SHA256 FILE` ends with 1 and the reason if FILE can't be
fetched or does not match its pin. PATH is relative to the Maven repository that the kit
itself uses. The code is the kit's too, so mirrors, their passwords and busy servers are
handled the same way.
"""

import hashlib
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))

from spark_kafka_testkit._jvm.jars import MAVEN_CENTRAL, MAVEN_ENV
from spark_kafka_testkit._jvm.maven import FetchError, Repository
from spark_kafka_testkit.errors import JarError


def main(path: str, sha256: str, name: str) -> None:
    file = Path(name)
    if file.is_file():
        if hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            sys.exit(f"{file} is damaged: remove it and run again.")
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        mirror = Repository.of_environment(MAVEN_ENV, MAVEN_CENTRAL)
    except JarError as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        part = Path(folder) / file.name
        try:
            with part.open("w+b") as to:
                digest = mirror.fetch(path, 0, to, lambda _: None, threading.Event())
        except FetchError as error:
            sys.exit(f"{mirror.url}/{path} can't be fetched: {error}")
        if digest != sha256:
            sys.exit(
                f"{mirror.url}/{path} is not the file that is pinned (its sha256 "
                "differs). Check the mirror, or the pin."
            )
        part.replace(file)


main(*sys.argv[1:])
