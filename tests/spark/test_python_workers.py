"""The workers of a session that the kit makes take less time than PySpark's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pyspark
import pytest

from .conftest import RunScript


def test_workers_take_the_pyspark_that_is_compiled(run_script: RunScript) -> None:
    """Not the one in an archive, which each worker would compile anew. And once they
    have run a task, they don't look for garbage in what was imported.
    """
    out = run_script(
        """
        from pyspark.sql.functions import udf

        def seen(_):
            import gc
            return f"{pyspark.__file__} {gc.get_freeze_count()}"

        import pyspark
        spark = KafkaUtils.spark_session()
        look = udf(seen, "string")
        for _ in range(100):  # a task may get another worker while the first tidies up
            place, frozen = spark.range(1).select(look("id")).first()[0].split()
            if int(frozen):
                break
        print(place, frozen)
        """
    )
    place, frozen = out.splitlines()[-1].split()
    assert place == pyspark.__file__
    assert int(frozen) > 10_000


def test_workers_and_spark_talk_by_sockets_in_a_folder(run_script: RunScript) -> None:
    """By TCP, small messages wait for each other. Nothing stays after the process, and
    a session of the user's in the same JVM has what the user chooses.
    """
    if pyspark.__version__ < "4.1":
        pytest.skip(f"Spark {pyspark.__version__} knows only TCP")
    out = run_script(
        """
        import os
        from pyspark.sql.functions import udf

        KIND = "spark.python.unix.domain.socket."

        def kinds(spark):
            known = lambda _: os.environ.get("PYTHON_UNIX_DOMAIN_ENABLED", "no")
            # a function, an accumulator, and rows that Python fetches
            seen = spark.sparkContext.accumulator(0)
            spark.sparkContext.range(3).foreach(seen.add)
            rows = spark.range(1).select(udf(known)("id")).toLocalIterator()
            return [row[0] for row in rows], seen.value

        spark = KafkaUtils.spark_session()
        folder = spark.conf.get(KIND + "dir")
        assert any(name.endswith(".sock") for name in os.listdir(folder))
        assert kinds(spark) == (["True"], 3), kinds(spark)
        spark.stop()
        spark = builder.config(KIND + "enabled", "false").getOrCreate()
        assert kinds(spark) == (["no"], 3), kinds(spark)
        spark.stop()
        print(folder)
        """,
        PYSPARK_PYTHON=sys.executable,
    )
    assert not Path(out.splitlines()[-1]).exists()


def test_what_spark_defaults_says_of_workers_is_kept(
    run_script: RunScript, tmp_path: Path
) -> None:
    (tmp_path / "spark-defaults.conf").write_text(
        "spark.python.daemon.module pyspark.daemon\n"
        "spark.python.unix.domain.socket.enabled false\n"
    )
    out = run_script(
        """
        conf = KafkaUtils.spark_session().sparkContext.getConf()
        print(conf.get("spark.python.daemon.module"))
        print(conf.get("spark.python.unix.domain.socket.enabled"))
        """,
        SPARK_CONF_DIR=str(tmp_path),
    )
    assert out.splitlines()[-2:] == ["pyspark.daemon", "false"]


def test_so_does_the_python_that_transform_with_state_starts(
    run_script: RunScript,
) -> None:
    """It starts one for each query, without a daemon."""
    if pyspark.__version__ < "4":
        pytest.skip("Spark 3.5 has no transformWithState for Python")
    out = run_script(
        """
        import tempfile
        from pyspark.sql.streaming.stateful_processor import StatefulProcessor

        noted = tempfile.mktemp()

        class Processor(StatefulProcessor):
            def init(self, handle):  # also called by the Python of the query
                import os, sys, pyspark
                with open(noted, "a") as file:
                    file.write(f"{os.getppid()} {sys.argv[0]} {pyspark.__file__}\\n")

            def handleInputRows(self, key, rows, timer_values):
                yield from ()

            def close(self):
                pass

        spark = KafkaUtils.spark_session()
        spark.conf.set(
            "spark.sql.streaming.stateStore.providerClass",
            "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
        )
        source = spark.readStream.format("kafka").options(**kafka.spark_options())
        records = source.option("subscribe", topic).load()
        counted = records.groupBy("key").transformWithStateInPandas(
            Processor(), "key BINARY", "append", "none"
        )
        with kafka.run_stream(counted) as run:
            run.add_data(topic, [("k", "v")])
            run.process_all_available()
        print(*{line.split()[-1] for line in open(noted)})
        """
    )
    assert out.splitlines()[-1] == pyspark.__file__
