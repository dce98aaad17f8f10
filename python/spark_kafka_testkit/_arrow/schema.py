"""The schemas of the batches that both clients send and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["header_type", "read_schema", "send_schema"]


def header_type() -> pa.DataType:
    """The Arrow type of a record's headers: a list of (key, value)."""
    import pyarrow as pa

    header = pa.struct([("key", pa.string()), ("value", pa.binary())])
    return pa.list_(pa.field("item", header))


def send_schema(wide: bool = True) -> pa.Schema:
    """The schema of batches to send.

    `key` and `value` are binary, with null for null. The wide form also has
    `partition`, `timestamp` (milliseconds) and `headers`, which are null where the
    producer decides.
    """
    import pyarrow as pa

    fields = [("key", pa.binary()), ("value", pa.binary())]
    if wide:
        fields += [
            ("partition", pa.int32()),
            ("timestamp", pa.int64()),
            ("headers", header_type()),
        ]
    return pa.schema(fields)


def read_schema() -> pa.Schema:
    """The schema of batches that were read.

    `timestamp` is in milliseconds, and `timestamp_type` is Kafka's: -1 for none, 0 for
    create time, 1 for log append time.
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("partition", pa.int32()),
            ("offset", pa.int64()),
            ("timestamp", pa.int64()),
            ("timestamp_type", pa.int8()),
            ("key", pa.binary()),
            ("value", pa.binary()),
            ("headers", header_type()),
        ]
    )
