"""The rows that reach a query's stateful operators (`StatefulInputs.scala`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._jvm.plans import options_of_query
from spark_kafka_testkit._jvm.spark_jvm import (
    SparkJvm,
    execution_of,
    java_class,
    singleton,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

__all__ = ["COMPARED", "EVENT_TIME", "StatefulInputs"]

COMPARED, EVENT_TIME = "compared", "event_time"
DATASETS = "org.apache.spark.sql.classic.Dataset", "org.apache.spark.sql.Dataset"
"""The place of `Dataset`, in Spark 4 and before."""


class StatefulInputs:
    """The inputs of a query's stateful operators, to be read again as a batch.

    Args:
        query: the query.
        spark: its session.

    Raises:
        LookupError: the JVM, or the helper in it, is out of reach. The text says which.
    """

    def __init__(self, query: StreamingQuery, spark: SparkSession) -> None:
        jvm, execution = SparkJvm.of(spark), execution_of(query)
        if jvm is None or execution is None:
            raise LookupError("Spark Connect gives no access to plans")
        helper, reason = jvm.find_helper()
        if helper is None:
            raise LookupError(reason)
        self._jvm, self._helper, self._spark = jvm, helper, spark
        self._plan = execution.analyzedPlan()
        self.options = options_of_query(query) or []
        """The options of each Kafka source, in the order of the query's progress."""

    def of(
        self, sources: list[DataFrame], *, once: bool = False
    ) -> list[list[DataFrame] | None]:
        """For each operator, a DataFrame for each of its inputs with an event time.

        The operators are in the order of the query's progress. The columns are
        `COMPARED`, the time by which Spark decides that a row is late, and
        `EVENT_TIME`, the row's own. An operator is None if one of its inputs comes from
        another such operator.

        Args:
            sources: what each of the query's sources has read, as a batch.
            once: whether to count a row once even if it is in several windows.
        """
        array = java_class(self._jvm.view, "java.util.ArrayList")()
        for source in sources:
            classic: Any = source
            array.add(classic._jdf.queryExecution().analyzed())
        operators = self._helper.stateful_inputs(self._plan, array, once)
        return [
            None if plans is None else [self._frame(plan) for plan in plans]
            for plans in operators
        ]

    def _frame(self, plan: Any) -> DataFrame:
        from pyspark.sql import DataFrame

        session: Any = self._spark
        of_rows = self._of_rows()
        return DataFrame(of_rows(session._jsparkSession, plan), self._spark)

    def _of_rows(self) -> Callable[..., Any]:
        name = next(name for name in DATASETS if self._jvm.load_class(f"{name}$"))
        return singleton(self._jvm.view, name).ofRows  # type: ignore[no-any-return]
