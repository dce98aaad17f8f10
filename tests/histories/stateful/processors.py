"""Functions in pandas that keep a state of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

    Frames: TypeAlias = Iterator["pd.DataFrame"]

OUTPUT = "key STRING, value STRING"
TIME_OUT = 10 * 60_000
HOUR = 60 * 60_000


def counted_visits(rows: DataFrame) -> DataFrame:
    """Count rows with applyInPandasWithState and timeouts in event time."""

    def count_visits(key: Any, parts: Iterable[pd.DataFrame], state: Any) -> Frames:
        import pandas as pd

        if state.hasTimedOut:
            (count, _) = state.get
            state.remove()
            yield pd.DataFrame({"key": [key[0]], "value": [str(count)]})
            return
        count, last = state.get if state.exists else (0, 0)
        for part in parts:
            count += len(part)
            last = max(last, int(part["time"].max()))
        state.update((count, last))
        state.setTimeoutTimestamp(last + TIME_OUT)

    return rows.groupBy("key").applyInPandasWithState(
        count_visits, OUTPUT, "n LONG, last LONG", "update", "EventTimeTimeout"
    )


def processed(rows: DataFrame) -> DataFrame:
    """Count rows with transformWithState: a value, a list, a map and timers."""
    from pyspark.sql.streaming.stateful_processor import StatefulProcessor

    class Processor(StatefulProcessor):
        def init(self, handle: Any) -> None:
            self.handle = handle
            self.count = handle.getValueState("count", "n LONG, due LONG")
            self.times = handle.getListState("times", "time LONG")
            self.hours = handle.getMapState("hours", "hour LONG", "n LONG")

        def handleInputRows(self, key: Any, rows: Any, *_: Any) -> Frames:  # noqa: N802
            count, due = self.count.get() if self.count.exists() else (0, 0)
            newest = 0
            for part in rows:
                for time in map(int, part["time"]):
                    count += 1
                    newest = max(newest, time)
                    self.times.appendValue((time,))
                    hour = (time // HOUR,)
                    known = self.hours.containsKey(hour)
                    n = self.hours.getValue(hour)[0] if known else 0
                    self.hours.updateValue(hour, (n + 1,))
            self.count.update((count, max(due, newest + TIME_OUT)))
            self.handle.registerTimer(newest + TIME_OUT)
            yield from ()

        def handleExpiredTimer(  # noqa: N802
            self,
            key: Any,
            timerValues: Any,  # noqa: N803
            expiredTimerInfo: Any,  # noqa: N803
        ) -> Frames:
            import pandas as pd

            count, last = self.count.get()
            due = expiredTimerInfo.getExpiryTimeInMs()
            if due == last:
                for variable in (self.count, self.times, self.hours):
                    variable.clear()
            yield pd.DataFrame({"key": [key[0]], "value": [f"{due} {count}"]})

        def close(self) -> None:
            pass

    return rows.groupBy("key").transformWithStateInPandas(
        Processor(), OUTPUT, "Update", "eventTime"
    )
