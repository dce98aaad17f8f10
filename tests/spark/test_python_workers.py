"""The workers of a session that the kit makes take less time than PySpark's own."""

from __future__ import annotations

import pyspark

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
