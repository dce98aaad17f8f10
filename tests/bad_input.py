"""Bad input to the whole public API: what is called, with what, and the error.

Most rows come from the table `TAKES`. For each sort of argument, it has the values that
are not allowed, with the error for each, and the calls that accept such an argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa

from spark_kafka_testkit import KafkaUtils, Mark, Record
from spark_kafka_testkit.errors import SerializationError

__all__ = ["TOPIC", "Hostile", "Row", "rows"]

TOPIC = "there"
"""The topic that the calls use. It exists if there is a broker."""


class Hostile:
    """An object that raises whatever it is asked."""

    def _refuse(self) -> Any:
        raise RuntimeError("hostile")

    __str__ = __repr__ = __hash__ = __index__ = __bool__ = __len__ = _refuse


class Row(NamedTuple):
    """A call that is refused.

    Attributes:
        name: distinguishes the row from others.
        call: makes the call on a `KafkaUtils`.
        kind: the class of the error.
        text: the whole text of the error.
    """

    name: str
    call: Callable[[Any], object]
    kind: type[Exception]
    text: str


class Bad(NamedTuple):
    """A value and the expected error, where `{name}` stands for the argument's name."""

    value: Any
    kind: type[Exception]
    text: str


def not_a(wanted: str, *values: Any) -> list[Bad]:
    """Values of the wrong types."""
    return [
        Bad(value, TypeError, f"{{name}} must be {wanted}, not {type(value).__name__}")
        for value in values
    ]


SURROGATE = "\ud800"
HUGE = 10**5000  # has more digits than Python converts
NO_NAME = (
    "{name}=%s is not a valid topic name: Kafka allows 1 to 249 of the characters a-z, "
    "A-Z, 0-9, '.', '_' and '-', but not '.' or '..'."
)
TEXT = [
    *not_a("a str", None, b"t", 5, True, ["t"], ("t",), {"t": 1}, 1.5, Hostile()),
    Bad("", ValueError, "{name} must not be empty"),
    Bad(
        SURROGATE,
        ValueError,
        "{name} must be text that UTF-8 can encode, got '\\ud800'",
    ),
]
TOPICS_NAME = [
    *TEXT,
    *(
        Bad(name, ValueError, NO_NAME % repr(name))
        for name in (".", "..", "a b", "é", "a/b", "t\n", "t\0")
    ),
    Bad("x" * 250, ValueError, NO_NAME % f"'{'x' * 56}..."),
]
SECONDS = [
    *not_a(
        "a number of seconds", None, "1", b"1", True, [1], 1j, Decimal(1), Hostile()
    ),
    Bad(math.nan, ValueError, "{name} must be a number of seconds, got nan"),
    Bad(math.inf, ValueError, "{name} must be at most 1,000,000 s, got inf"),
    Bad(1e10, ValueError, "{name} must be at most 1,000,000 s, got 10000000000.0"),
    Bad(
        HUGE,
        ValueError,
        "{name} must be at most 1,000,000 s, got <int whose repr raises ValueError>",
    ),
]
FROM_0 = [
    *SECONDS,
    Bad(-1, ValueError, "{name} must not be negative, got -1"),
    Bad(-math.inf, ValueError, "{name} must not be negative, got -inf"),
]
FROM_MORE = [
    *SECONDS,
    Bad(0, ValueError, "{name} must be more than 0 s, got 0"),
    Bad(-0.5, ValueError, "{name} must be more than 0 s, got -0.5"),
]
INT = [
    *not_a("an int", None, "1", b"1", True, 1.0, math.nan, math.inf, [1], Hostile()),
    Bad(0, ValueError, "{name} must be at least 1, got 0"),
    Bad(-1, ValueError, "{name} must be at least 1, got -1"),
]
FLAG = not_a("True or False", None, "yes", 0, 1, [], b"", Hostile())
SESSION = not_a("a SparkSession", 5, "spark", b"", True, [], {}, KafkaUtils, Hostile())
MARK = [
    *not_a("the result of mark(topic)", 5, "t", b"t", True, {0: 1}, [], Hostile()),
    Bad(Mark(5, {}), TypeError, "{name}.topic must be a str, not int"),  # type: ignore[arg-type]
    Bad(Mark("", {}), ValueError, "{name}.topic must not be empty"),
    Bad(
        Mark(TOPIC, None),  # type: ignore[arg-type]
        TypeError,
        "{name}.offsets must map partitions to offsets, not NoneType",
    ),
    Bad(
        Mark(TOPIC, {0: "1"}),  # type: ignore[dict-item]
        TypeError,
        "{name}.offsets must map partitions to offsets, both int, got 0: '1'",
    ),
]
QUERY = [
    Bad(bad.value, TypeError, f"{bad.text}. Is .start() missing?")
    for bad in not_a("a StreamingQuery", 5, "q", b"", True, [], {}, Hostile())
]
NO_BOUND = (
    "{name} must be 'earliest', 'latest', a time (a datetime, or milliseconds since the "
    "epoch), or a dict of offsets by partition, not %s"
)
NO_OFFSETS = "{name} must map partitions to offsets, both int, got %s"
BOUND = [
    *(
        Bad(value, TypeError, NO_BOUND % shown)
        for value, shown in (
            (None, "None"),
            ("", "''"),
            ("now", "'now'"),
            (b"latest", "b'latest'"),
            (True, "True"),
            (1.5, "1.5"),
            (math.nan, "nan"),
            ([0, 1], "[0, 1]"),
            (Hostile(), "<Hostile whose repr raises RuntimeError>"),
        )
    ),
    Bad(-1, ValueError, "{name} is a time before 1970: -1"),
    Bad(1 << 63, ValueError, f"{{name}} must be at most {(1 << 63) - 1:,}, got {1 << 63}"),
    Bad(
        HUGE,
        ValueError,
        f"{{name}} must be at most {(1 << 63) - 1:,}, got <int whose repr raises "
        "ValueError>",
    ),
    Bad(
        datetime(1960, 1, 1, tzinfo=timezone.utc),
        ValueError,
        "{name} is a time before 1970: 1960-01-01 00:00:00+00:00",
    ),
    Bad({"0": 1}, TypeError, NO_OFFSETS % "'0': 1"),
    Bad({0: "1"}, TypeError, NO_OFFSETS % "0: '1'"),
    Bad({0: True}, TypeError, NO_OFFSETS % "0: True"),
    Bad({0: [1]}, TypeError, NO_OFFSETS % "0: [1]"),
    Bad({0: Hostile()}, TypeError, NO_OFFSETS % "0: <Hostile whose repr raises RuntimeError>"),
    Bad(Mark("other", {}), ValueError, "The mark belongs to topic 'other', not to 'there', which is read"),
    Bad(Mark(TOPIC, {0: None}), TypeError, "{name}.offsets must map partitions to offsets, both int, got 0: None"),  # type: ignore[dict-item]
]  # fmt: skip
PARTITIONS = [
    Bad(value, TypeError, f"partitions must be a list of numbers, not {shown}")
    for value, shown in (
        (0, "0"),
        ("0", "'0'"),
        (True, "True"),
        ([True], "[True]"),
        ([0, "1"], "[0, '1']"),
        ([[0]], "[[0]]"),
        ([math.nan], "[nan]"),
        (Hostile(), "<Hostile whose repr raises RuntimeError>"),
    )
]
DESERIALIZER = [
    *not_a("a name or a callable", None, 5, b"STRING", True, ["STRING"], Hostile()),
    *(
        Bad(
            name,
            ValueError,
            f"Unknown {{name}} {name!r}. Choose one of: STRING, BINARY, BYTES, SHORT, "
            "INT, LONG, FLOAT, DOUBLE, BOOLEAN, UUID, JSON, or give a callable that "
            "takes bytes.",
        )
        for name in ("", "AVRO", SURROGATE)
    ),
]
SERIALIZER = [
    bad._replace(text=bad.text.replace("takes bytes", "takes the item"))
    for bad in DESERIALIZER
    if bad.value is not None
]
SETTINGS = [
    *not_a("a dict", 5, "a=b", b"", True, ["a"], [("a", "b")], Hostile()),
    Bad({"a": None}, TypeError, "{name} must map names of settings to text or numbers, but 'a' has a NoneType"),
    Bad({"a": b"b"}, TypeError, "{name} must map names of settings to text or numbers, but 'a' has a bytes"),
    Bad({"a": ["b"]}, TypeError, "{name} must map names of settings to text or numbers, but 'a' has a list"),
    Bad({"a": Hostile()}, TypeError, "{name} must map names of settings to text or numbers, but 'a' has a Hostile"),
    Bad({1: "b"}, TypeError, "{name} must map names of settings to text or numbers, but 1 has a str"),
    Bad({"": "b"}, ValueError, "a name in {name} must not be empty"),
    Bad({SURROGATE: "b"}, ValueError, "a name in {name} must be text that UTF-8 can encode, got '\\ud800'"),
    Bad({"a": SURROGATE}, ValueError, "{name}['a'] must be text that UTF-8 can encode"),
]  # fmt: skip
ADDRESSES = [
    *not_a("a str", 5, b"h:1", True, ["h:1"], {"h": 1}, Hostile()),
    Bad("", ValueError, "{name} must not be empty"),
    Bad(SURROGATE, ValueError, "{name} must be text that UTF-8 can encode, got '\\ud800'"),
    *(
        Bad(
            address,
            ValueError,
            "{name} must be host:port, or several separated by commas, got "
            f"{address!r}",
        )
        for address in (
            "host", "host:x", "host:", ":9092", "host:0", "host:65536", "host:-1",
            "host:123456", "a b:1", "h:1,", ",h:1", "h:1;h:2", "hé:1", "host:1\n",
        )
    ),
]  # fmt: skip
NAMES = [
    *not_a("a list of names", None, 5, True, 1.5, Hostile()),
    Bad("t", TypeError, "{name} must be a list of names, not a str. Write ['t']"),
    Bad(b"t", TypeError, "{name} must be a list of names, not a bytes. Write [b't']"),
    *(
        Bad([TOPIC, bad.value], bad.kind, bad.text.replace("{name}", "{name}[1]"))
        for bad in TOPICS_NAME
    ),
]


def is_not(valid: str) -> list[Bad]:
    """Words that are not among the valid ones."""
    return [
        *not_a("a str", None, 5, b"end", True, ["end"], Hostile()),
        *(
            Bad(word, ValueError, f"Unknown {{name}} {word!r}. Choose one of: {valid}.")
            for word in ("", "END", SURROGATE)
        ),
    ]


def reads(name: str, **arguments: Any) -> dict[str, Callable[..., object]]:
    """The calls that read, with one argument to fill in."""
    return {
        f"{method}({name})": lambda kafka, value, method=method: getattr(kafka, method)(
            TOPIC, **{**arguments, name: value}
        )
        for method in ("read_records", "iter_records", "read_arrow")
    }


def call(method: str, name: str, *given: Any, **named: Any) -> dict[str, Any]:
    """A call with one argument to fill in, by name."""
    return {
        f"{method}({name})": lambda kafka, value: getattr(kafka, method)(
            *given, **{**named, name: value}
        )
    }


def made(name: str, **named: Any) -> dict[str, Callable[..., object]]:
    """A `KafkaUtils` made with this argument."""
    return {
        f"KafkaUtils({name})": lambda _, value: KafkaUtils(**{**named, name: value})
    }


def nothing() -> None:
    """A result that nobody gets to see."""


MESSAGES = [("k", "v")]
TAKES: list[tuple[list[Bad], dict[str, Callable[..., object]]]] = [
    (
        TOPICS_NAME,
        {
            **call("topic", "name"),
            **call("send_messages", "topic", messages=MESSAGES),
            **call("get_all_records", "topic", None),
            **call("read_records", "topic"),
            **call("iter_records", "topic"),
            **call("read_arrow", "topic"),
            **call("offsets", "topic"),
            **call("mark", "topic"),
            **call("wait_for_records", "topic"),
        },
    ),
    (
        [bad for bad in TOPICS_NAME if bad.value is not None],
        {
            **call("wait_until_processed", "topic", None),
            **made("topic_prefix"),
        },
    ),
    (NAMES, {**call("create_topics", "topic_names"), **call("delete_topics", "topic_names")}),
    (
        INT,
        {
            **call("create_topics", "num_partitions", ["made"]),
            **call("create_topics", "replication_factor", ["made"]),
            **call("wait_for_records", "count", TOPIC),
        },
    ),
    (
        FROM_0,
        {
            **call("assert_eventually", "timeout", nothing, None),
            **call("assert_eventually", "interval", nothing, None),
            **call("wait_for_records", "timeout", TOPIC),
            **call("wait_for_query_alive", "timeout", None),
            **call("wait_for_query_alive", "interval", None),
            **call("wait_until_processed", "timeout", None),
        },
    ),
    (
        FROM_MORE,
        {
            **reads("timeout"),
            **call("records_since", "timeout", Mark(TOPIC, {})),
            **made("startup_timeout"),
        },
    ),
    (
        FLAG,
        {
            **call("send_messages", "transactional", TOPIC, MESSAGES),
            **reads("allow_deleted"),
        },
    ),
    ([bad for bad in FLAG if bad.value is not None], made("reuse")),
    (
        SESSION,
        {
            **call("get_all_records", "spark", topic=TOPIC),
            **call("attach", "spark"),
            **call("stop_queries", "spark"),
        },
    ),
    (not_a("a SparkSession", None), {**call("attach", "spark"), **call("stop_queries", "spark")}),
    (MARK, {**call("records_since", "mark"), **call("wait_for_records", "since", TOPIC)}),
    (
        QUERY,
        {
            **call("wait_for_query_alive", "query"),
            **call("wait_until_processed", "query"),
            **call("lag", "query"),
            **call("report", "query"),
            **call("assert_eventually", "query", nothing, None),
            **call("wait_for_records", "query", TOPIC),
        },
    ),
    (BOUND, {**reads("start"), **reads("end")}),
    (PARTITIONS, reads("partitions")),
    (is_not("read_committed, read_uncommitted"), reads("isolation")),
    (is_not("end, stable"), reads("upto")),
    (
        DESERIALIZER,
        {
            **reads("key_deserializer"),
            **reads("value_deserializer"),
            **call("get_all_records", "key_deserializer", None, TOPIC),
            **call("get_all_records", "value_deserializer", None, TOPIC),
            **call("wait_for_records", "key_deserializer", TOPIC),
            **call("wait_for_records", "value_deserializer", TOPIC),
        },
    ),
    (
        SERIALIZER,
        {
            **call("send_messages", "key_serializer", TOPIC, MESSAGES),
            **call("send_messages", "value_serializer", TOPIC, MESSAGES),
        },
    ),
    (
        SETTINGS,
        {
            **made("broker_config"),
            **made("environment"),
            **made("client_config", bootstrap_servers="h:1"),
            **call("spark_conf", "conf"),
        },
    ),
    (ADDRESSES, made("bootstrap_servers")),
    (TEXT, {**made("kafka_version"), **made("network_alias")}),
    ([bad for bad in TEXT if bad.value is not None], {**made("image"), **made("network")}),
]  # fmt: skip

NO_PAIR = (
    "messages must be (key, value) pairs or Records, but message %d is %s. For a value "
    "without a key, send (None, value)."
)
NO_MESSAGES = (
    "messages must be a list of (key, value) pairs or Records, or a table, not %s"
)
NO_HEADERS = "The headers of message 0 must be (name, value) pairs, got %s"
NO_UTF8 = (
    "'\\ud800' can't be encoded as UTF-8: 'utf-8' codec can't encode character "
    "'\\ud800' in position 0: surrogates not allowed"
)
NO_TYPE = "The column 'value' is %s, which is neither text nor a number. Give a value_serializer, for example 'JSON', or cast it to text."
LARGEST = f"{(1 << 63) - 1:,}"
SENT: list[tuple[str, Any, type[Exception], str]] = [
    ("none", None, TypeError, NO_MESSAGES % "NoneType"),
    ("int", 5, TypeError, NO_MESSAGES % "int"),
    ("str", "kv", TypeError, NO_MESSAGES % "str"),
    ("bytes", b"kv", TypeError, NO_MESSAGES % "bytes"),
    ("dict", {"k": "v"}, TypeError, NO_MESSAGES % "dict (give its items())"),
    ("hostile", Hostile(), TypeError, NO_MESSAGES % "Hostile"),
    ("a str in it", ["kv"], TypeError, NO_PAIR % (0, "'kv'")),
    ("a triple", [("k", "v"), (1, 2, 3)], TypeError, NO_PAIR % (1, "(1, 2, 3)")),
    ("a set", [{1, 2}], TypeError, NO_PAIR % (0, "{1, 2}")),
    ("hostile in it", [Hostile()], TypeError, NO_PAIR % (0, "<Hostile whose repr raises RuntimeError>")),
    ("drawn one by one", {1: ("k", "v"), 2: None}.values(), TypeError, NO_PAIR % (1, "None")),
    ("surrogate key", [(SURROGATE, "v")], SerializationError, f"The key of message 0: {NO_UTF8}"),
    ("surrogate value", [("k", "v"), ("k", SURROGATE)], SerializationError, f"The value of message 1: {NO_UTF8}"),
    ("hostile key", [(Hostile(), "v")], SerializationError, "The key of message 0: str() of a Hostile raises RuntimeError: hostile"),
    ("hostile value", [("k", Hostile())], SerializationError, "The value of message 0: str() of a Hostile raises RuntimeError: hostile"),
    ("partition", [Record("k", "v", partition="0")], TypeError, "The partition of message 0 must be an int, not str"),  # type: ignore[arg-type]
    ("bool partition", [Record("k", "v", partition=True)], TypeError, "The partition of message 0 must be an int, not bool"),
    ("float partition", [Record("k", "v", partition=0.0)], TypeError, "The partition of message 0 must be an int, not float"),  # type: ignore[arg-type]
    ("hostile partition", [Record("k", "v", partition=Hostile())], TypeError, "The partition of message 0 must be an int, not Hostile"),  # type: ignore[arg-type]
    ("negative partition", [Record("k", "v", partition=-1)], ValueError, "The partition of message 0 must not be negative, got -1"),
    ("large partition", [Record("k", "v", partition=1 << 31)], ValueError, "The partition of message 0 must be at most 2,147,483,647, got 2147483648"),
    ("timestamp", [Record("k", "v", timestamp="1")], TypeError, "The timestamp of message 0 must be an int of milliseconds, or a datetime such as at('09:00'), not str"),
    ("nan timestamp", [Record("k", "v", timestamp=math.nan)], TypeError, "The timestamp of message 0 must be an int of milliseconds, or a datetime such as at('09:00'), not float"),
    ("negative timestamp", [Record("k", "v", timestamp=-1)], ValueError, "The timestamp of message 0 is a time before 1970: -1"),
    ("large timestamp", [Record("k", "v", timestamp=1 << 63)], ValueError, f"The timestamp of message 0 must be at most {LARGEST}, got {1 << 63}"),
    ("early timestamp", [Record("k", "v", timestamp=datetime(1960, 1, 1, tzinfo=timezone.utc))], ValueError, "The timestamp of message 0 is a time before 1970: 1960-01-01 00:00:00+00:00"),
    ("number as headers", [Record("k", "v", headers=5)], TypeError, NO_HEADERS % "5"),  # type: ignore[arg-type]
    ("text as headers", [Record("k", "v", headers="ab")], TypeError, NO_HEADERS % "'ab'"),  # type: ignore[arg-type]
    ("texts as headers", [Record("k", "v", headers=["ab"])], TypeError, NO_HEADERS % "['ab']"),  # type: ignore[list-item]
    ("dicts as headers", [Record("k", "v", headers=[{"key": "k", "value": "v"}])], TypeError, NO_HEADERS % "[{'key': 'k', 'value': 'v'}]"),  # type: ignore[list-item]
    ("triples as headers", [Record("k", "v", headers=[("a", b"b", 1)])], TypeError, NO_HEADERS % "[('a', b'b', 1)]"),  # type: ignore[list-item]
    ("header without a name", [Record("k", "v", headers=[(None, b"b")])], TypeError, NO_HEADERS % "[(None, b'b')]"),  # type: ignore[list-item]
    ("header's name in bytes", [Record("k", "v", headers={b"a": b"b"})], TypeError, NO_HEADERS % "{b'a': b'b'}"),  # type: ignore[arg-type]
    ("hostile headers", [Record("k", "v", headers=Hostile())], TypeError, NO_HEADERS % "<Hostile whose repr raises RuntimeError>"),  # type: ignore[arg-type]
    ("surrogate header name", [Record("k", "v", headers=[(SURROGATE, b"")])], SerializationError, f"The headers of message 0: {NO_UTF8}"),
    ("surrogate header value", [Record("k", "v", headers=[("a", SURROGATE)])], SerializationError, f"The headers of message 0: {NO_UTF8}"),
    ("hostile header value", [Record("k", "v", headers=[("a", Hostile())])], SerializationError, "The headers of message 0: str() of a Hostile raises RuntimeError: hostile"),
    ("table without values", pa.table({"key": ["k"]}), ValueError, "A table to send needs the column 'value' and may have 'key', 'partition', 'timestamp', 'headers', but this one has no 'value'. Rename or drop columns first."),
    ("table with another column", pa.table({"value": ["v"], "id": [1]}), ValueError, "A table to send needs the column 'value' and may have 'key', 'partition', 'timestamp', 'headers', but this one has 'id'. Rename or drop columns first."),
    ("table with two values", pa.table([["v"], ["w"]], names=["value", "value"]), ValueError, "A table to send has 'value' 2 times."),
    ("map", pa.table({"value": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))}), ValueError, NO_TYPE % "map<string, int64>"),
    ("map in a list", pa.table({"value": pa.array([[[("a", 1)]]], pa.list_(pa.map_(pa.string(), pa.int64())))}), ValueError, NO_TYPE % "list<item: map<string, int64>>"),
    ("list of int as key", pa.table({"key": [[1, 2]], "value": ["v"]}), ValueError, NO_TYPE.replace("value", "key") % "list<item: int64>"),
    ("timestamp in seconds", pa.table({"value": pa.array([5], pa.timestamp("s"))}), ValueError, NO_TYPE % "timestamp[s]"),
    ("date", pa.table({"value": pa.array([5], pa.date32())}), ValueError, NO_TYPE % "date32[day]"),
    ("struct as key", pa.table({"key": [{"a": 1}], "value": ["v"]}), ValueError, NO_TYPE.replace("value", "key") % "struct<a: int64>"),
    ("partition of text", pa.table({"value": ["v"], "partition": ["0"]}), ValueError, "The column 'partition' must be int32, got string."),
    ("partition of bool", pa.table({"value": ["v"], "partition": [True]}), ValueError, "The column 'partition' must be int32, got bool."),
    ("partition of timestamp", pa.table({"value": ["v"], "partition": pa.array([5], pa.timestamp("s"))}), ValueError, "The column 'partition' must be int32, got timestamp[s]."),
    ("partition of list", pa.table({"value": ["v"], "partition": [[1]]}), ValueError, "The column 'partition' must be int32, got list<item: int64>."),
    ("partition past its end", pa.table({"value": ["v"], "partition": [1 << 31]}), ValueError, "The column 'partition' must be int32, got int64: Integer value 2147483648 not in range: -2147483648 to 2147483647"),
    ("partition below 0", pa.table({"value": ["v"], "partition": [-1]}), ValueError, "The partition of message 0 must not be negative, got -1"),
    ("timestamp of text", pa.table({"value": ["v"], "timestamp": ["5"]}), ValueError, "The column 'timestamp' must be int64, got string."),
    ("timestamp of bool", pa.table({"value": ["v"], "timestamp": [True]}), ValueError, "The column 'timestamp' must be int64, got bool."),
    ("timestamp of duration", pa.table({"value": ["v"], "timestamp": pa.array([5], pa.duration("s"))}), ValueError, "The column 'timestamp' must be int64, got duration[s]."),
    ("timestamp of half", pa.table({"value": ["v"], "timestamp": [0.5]}), ValueError, "The column 'timestamp' must be int64, got double: Float value 0.500000 was truncated converting to int64"),
    ("timestamp far off", pa.table({"value": ["v"], "timestamp": pa.array([1 << 60], pa.timestamp("s"))}), ValueError, f"The column 'timestamp' must be int64, got timestamp[s]: Casting from timestamp[s] to timestamp[ms] would result in out of bounds timestamp: {1 << 60}"),
]  # fmt: skip

RETRY_ON = "retry_on must be an exception class or a tuple of them, got %s"
HEADERS_OF = "headers must be a dict from name to value, "
OTHERS: list[Row] = [
    Row("num_partitions past int32", lambda kafka: kafka.create_topics(["made"], 1 << 31), ValueError, "num_partitions must be at most 2,147,483,647, got 2147483648"),
    Row("huge num_partitions", lambda kafka: kafka.create_topics(["made"], HUGE), ValueError, "num_partitions must be at most 2,147,483,647, got <int whose repr raises ValueError>"),
    Row("replication_factor past int16", lambda kafka: kafka.create_topics(["made"], 1, 1 << 15), ValueError, "replication_factor must be at most 32,767, got 32768"),
    Row("topics that collide", lambda kafka: kafka.create_topics(["a.b", "c", "a_b"]), ValueError, "topic_names must not have both 'a.b' and 'a_b': Kafka's metrics can't tell '.' from '_', so brokers refuse the second."),
    Row("prefix and name", lambda _: KafkaUtils(topic_prefix="x" * 239), ValueError, f"topic_prefix and what follows it={repr('x' * 239)[:57]}... is not a valid topic name: Kafka allows 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', but not '.' or '..'."),
    Row("partition past int32", lambda kafka: kafka.send_messages(TOPIC, [("k", "v"), Record("k", "v", partition=1 << 31)]), ValueError, "The partition of message 1 must be at most 2,147,483,647, got 2147483648"),
    Row("result_func", lambda kafka: kafka.assert_eventually({}, {}), TypeError, "result_func must be a function that returns the current result, not dict. Write: assert_eventually(lambda: ..., expected)"),
    Row("retry_on number", lambda kafka: kafka.assert_eventually(nothing, None, retry_on=5), TypeError, RETRY_ON % "5"),
    Row("retry_on list", lambda kafka: kafka.assert_eventually(nothing, None, retry_on=[ValueError]), TypeError, RETRY_ON % "[<class 'ValueError'>]"),
    Row("retry_on error", lambda kafka: kafka.assert_eventually(nothing, None, retry_on=(ValueError, KeyError("x"))), TypeError, RETRY_ON % "KeyError('x')"),
    Row("retry_on class", lambda kafka: kafka.assert_eventually(nothing, None, retry_on=int), TypeError, RETRY_ON % "<class 'int'>"),
    Row("predicate", lambda kafka: kafka.wait_for_records(TOPIC, predicate="x"), TypeError, "predicate must be a function that takes a Record, not str"),
    Row("headers", lambda kafka: kafka.wait_for_records(TOPIC, headers=[("a", b"b")]), TypeError, f"{HEADERS_OF}not list"),
    Row("header's name", lambda kafka: kafka.wait_for_records(TOPIC, headers={5: b"b"}), TypeError, f"{HEADERS_OF}got 5: b'b'"),
    Row("kafka_version", lambda _: KafkaUtils("7.4 0"), ValueError, "kafka_version must be a tag of Confluent's image, for example 7.4.0, got '7.4 0'"),
    Row("image", lambda _: KafkaUtils(image="two words"), ValueError, "image must be the name of an image, for example apache/kafka:4.1.0, got 'two words'"),
    Row("client_config of ours", lambda _: KafkaUtils(backend="embedded", client_config={"a": 1}), ValueError, "client_config is for a running broker. Give its address as bootstrap_servers=..., or leave out client_config."),
    Row("far datetime", lambda _: Record(timestamp=(1 << 63) - 1).datetime, ValueError, f"timestamp={(1 << 63) - 1} is outside the years 1 to 9999, which are all that a datetime can hold. Use the timestamp itself, in milliseconds."),
    *(
        Row(f"backend {shown}", lambda _, value=value: KafkaUtils(backend=value), ValueError, f"Unknown backend {shown}. Choose one of: auto, container, embedded, external.")  # type: ignore[misc]
        for value, shown in ((5, "5"), ("", "''"), (b"auto", "b'auto'"), (["auto"], "['auto']"), ("AUTO", "'AUTO'"), (Hostile(), "<Hostile whose repr raises RuntimeError>"))
    ),
]  # fmt: skip


def rows() -> Iterator[Row]:
    """All rows."""
    for values, calls in TAKES:
        for place, use in calls.items():
            name = place[place.index("(") + 1 : -1]
            for index, bad in enumerate(values):
                yield Row(
                    f"{place}: {index} {type(bad.value).__name__}",
                    lambda kafka, use=use, bad=bad: use(kafka, bad.value),  # type: ignore[misc]
                    bad.kind,
                    bad.text.replace("{name}", name),
                )
    for name, messages, kind, text in SENT:
        yield Row(
            f"send_messages: {name}",
            lambda kafka, messages=messages: kafka.send_messages(TOPIC, messages),  # type: ignore[misc]
            kind,
            text,
        )
    yield from OTHERS
