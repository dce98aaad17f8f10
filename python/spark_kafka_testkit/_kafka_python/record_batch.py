"""Turn kafka-python's records into a batch of `read_schema()`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spark_kafka_testkit._arrow.schema import read_schema

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["to_batch"]


def to_batch(records: Sequence[Any]) -> pa.RecordBatch:
    import pyarrow as pa

    if not records:
        return pa.RecordBatch.from_pylist([], read_schema())
    rows = [
        (
            record.partition,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            record.key,
            record.value,
            [{"key": key, "value": value} for key, value in record.headers],
        )
        for record in records
    ]
    schema = read_schema()
    columns = [
        pa.array(column, field.type)
        for column, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    return pa.record_batch(columns, schema=schema)
