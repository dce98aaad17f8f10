"""A Spark Connect server in its own process, like a remote one.

The JVM of its session is out of the tests' reach. It prints READY, and lives as long as
its stdin.

    python -m tests.connect_server [name=value ...]
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from spark_kafka_testkit._brokers.ports import free_ports

from .quick_java import QUICK_JAVA

SETTINGS = {
    "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.log.level": "ERROR",
    "spark.driver.extraJavaOptions": QUICK_JAVA,
}


@contextmanager
def connect_server(settings: Mapping[str, str]) -> Iterator[str]:
    """Start a server with these settings, and yield its address."""
    (port,) = free_ports(1)
    settings = {**settings, "spark.connect.grpc.binding.port": str(port)}
    arguments = [f"{name}={value}" for name, value in settings.items()]
    # set by a Connect session of this process
    ours = ("SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
    environment = {n: value for n, value in os.environ.items() if n not in ours}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.connect_server", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "READY\n"
            yield f"sc://127.0.0.1:{port}"
        finally:
            assert process.stdin is not None
            process.stdin.close()


def main() -> None:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]")
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    for name, value in {**SETTINGS, **given}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    print("READY", flush=True)  # noqa: T201
    sys.stdin.read()
    spark.stop()


if __name__ == "__main__":
    main()
