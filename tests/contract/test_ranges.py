"""Where a read starts and where it ends."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from spark_kafka_testkit import KafkaUtils, Record
from spark_kafka_testkit._model.offsets import Coverage, PartitionOffsets
from spark_kafka_testkit.errors import (
    OffsetRangeError,
    RecordsDeletedError,
    TopicChangedError,
)
from tests.contract.topics import (
    add_partitions,
    create,
    delete_records,
    hold,
    needs_kafka_python_3,
    open_transaction,
)

TIME = 1_700_000_000_000


def send_two_partitions(utils: KafkaUtils, topic: str) -> None:
    """Ten records in each of two partitions, a second apart; those of partition 1 are
    half a second later.
    """
    create(utils, topic, 2)
    utils.send_messages(
        topic,
        [
            Record(
                None,
                f"{partition}-{n}",
                partition=partition,
                timestamp=TIME + 1000 * n + 500 * partition,
            )
            for n in range(10)
            for partition in range(2)
        ],
    )


def at(millis: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=millis)


@pytest.mark.parametrize(
    ("start", "end", "first", "second"),
    [
        ("earliest", "latest", (0, 10), (0, 10)),
        ("latest", "latest", (10, 10), (10, 10)),
        ("earliest", "earliest", (0, 0), (0, 0)),
        ({0: 3}, "latest", (3, 10), (0, 10)),
        ({0: 3, 1: 10}, {0: 4}, (3, 4), (10, 10)),
        ({0: 10, 1: 0}, {0: 10, 1: 1}, (10, 10), (0, 1)),
        ({0: 5}, {0: 3, 1: 0}, (5, 3), (0, 0)),
        (TIME + 3000, "latest", (3, 10), (3, 10)),
        (TIME + 3001, TIME + 5501, (4, 6), (3, 6)),
        (at(TIME + 3001), at(TIME + 5000), (4, 5), (3, 5)),
        (
            at(TIME + 3001).astimezone(timezone(timedelta(hours=9))),
            {},
            (4, 10),
            (3, 10),
        ),
        (0, TIME, (0, 0), (0, 0)),
        (TIME + 10**9, "latest", (10, 10), (10, 10)),
        ({}, TIME + 10**9, (0, 10), (0, 10)),
    ],
)
def test_a_read_gives_exactly_its_range(
    utils: KafkaUtils,
    topic: str,
    start: Any,
    end: Any,
    first: tuple[int, int],
    second: tuple[int, int],
) -> None:
    """It goes from the start, inclusive, to the end, exclusive, by name, time or
    offset, also where that lies inside a batch.
    """
    send_two_partitions(utils, topic)
    records = utils.read_records(topic, start, end)
    assert [(r.partition, r.offset, r.value) for r in records] == [
        (partition, n, f"{partition}-{n}")
        for partition, (begin, target) in enumerate((first, second))
        for n in range(begin, target)
    ]
    assert records.coverage == {
        partition: Coverage(
            beginning=begin,
            target=target,
            count=max(0, target - begin),
            last=target - 1 if target > begin else None,
            invisible=0,
        )
        for partition, (begin, target) in enumerate((first, second))
    }
    assert records.new_partitions == ()


def test_only_the_partitions_that_are_asked_for_are_read(
    utils: KafkaUtils, topic: str
) -> None:
    """The others are neither read nor in the coverage."""
    send_two_partitions(utils, topic)
    records = utils.read_records(topic, {1: 8}, partitions=[1])
    assert [record.value for record in records] == ["1-8", "1-9"]
    assert list(records.coverage) == [1]
    assert utils.read_records(topic, partitions=[]) == []


def test_a_partition_or_offset_that_is_not_there_is_refused(
    utils: KafkaUtils, topic: str
) -> None:
    """The error names it, with what there is."""
    send_two_partitions(utils, topic)
    with pytest.raises(OffsetRangeError) as caught:
        utils.read_records(topic, partitions=[0, 2])
    assert str(caught.value) == f"Topic {topic!r} has no partition 2. It has 0 to 1."
    with pytest.raises(OffsetRangeError) as caught:
        utils.read_records(topic, {0: 11})
    assert str(caught.value) == (
        f"Topic {topic!r}, partition 0: offset 11 is out of range, the partition has 0 "
        "up to 10. Was the topic deleted and created again since?"
    )


def test_aborted_records_show_in_one_isolation_level(
    utils: KafkaUtils, topic: str
) -> None:
    """The markers, which have no record, are counted as invisible in both."""
    create(utils, topic)
    utils.send_messages(topic, [("a", "1")])
    with open_transaction(utils) as producer:
        hold(producer, topic, 2)
        producer.abort_transaction()
    utils.send_messages(topic, [("b", "2")], transactional=True)
    committed = utils.read_records(topic)
    assert [(r.offset, r.key) for r in committed] == [(0, "a"), (4, "b")]
    assert committed.coverage == {0: Coverage(0, 6, 2, 4, 4)}
    everything = utils.read_records(topic, isolation="read_uncommitted")
    keys = [(r.offset, r.key) for r in everything]
    assert keys == [(0, "a"), (1, "held-0"), (2, "held-1"), (4, "b")]
    assert everything.coverage == {0: Coverage(0, 6, 4, 4, 2)}


def test_a_read_may_end_at_the_last_stable_offset(
    utils: KafkaUtils, topic: str
) -> None:
    """`upto="stable"` ends at once before an open transaction; so does `end`, where it
    lies before it.
    """
    create(utils, topic, 2)
    utils.send_messages(topic, [Record("a", "1", partition=p) for p in (0, 1)])
    with open_transaction(utils) as producer:
        hold(producer, topic)
        utils.send_messages(topic, [Record("b", "2", partition=p) for p in (0, 1)])
        assert utils.offsets(topic) == {
            0: PartitionOffsets(beginning=0, end=3, stable=1),
            1: PartitionOffsets(beginning=0, end=2, stable=2),
        }
        stable = utils.read_records(topic, upto="stable")
        assert [(r.partition, r.key) for r in stable] == [(0, "a"), (1, "a"), (1, "b")]
        assert stable.coverage[0] == Coverage(0, 1, 1, 0, 0)
        before = utils.read_records(topic, end={0: 1})
        assert before == stable
        after = utils.read_records(topic, "latest", upto="stable")
        assert after == []
        assert [
            r.offset for r in utils.read_records(topic, isolation="read_uncommitted")
        ] == [
            0,
            1,
            2,
            0,
            1,
        ]
        producer.commit_transaction()
    assert len(utils.read_records(topic, upto="end")) == 5


def test_a_mark_parts_what_was_from_what_comes(utils: KafkaUtils, topic: str) -> None:
    """Records since a mark are those behind it, and those up to it the others. A
    partition that was added since lies behind it as a whole.
    """
    create(utils, topic)
    utils.send_messages(topic, [("old", "1")])
    mark = utils.mark(topic)
    assert utils.records_since(mark) == []
    add_partitions(utils, topic, 2)
    utils.send_messages(topic, [Record("new", str(p), partition=p) for p in (0, 1)])
    since = utils.records_since(mark)
    assert [(r.partition, r.offset, r.key) for r in since] == [
        (0, 1, "new"),
        (1, 0, "new"),
    ]
    before = utils.read_records(topic, end=mark)
    assert [(r.partition, r.offset, r.key) for r in before] == [(0, 0, "old")]
    assert before.coverage[1] == Coverage(0, 0, 0, None, 0)
    assert utils.read_records(topic, mark, utils.mark(topic)) == since
    assert utils.records_since(mark, partitions=[0]) == since[:1]


def test_a_mark_of_a_topic_that_was_recreated_is_refused(
    utils: KafkaUtils, topic: str
) -> None:
    """It says nothing about the new one, even where its offsets exist there."""
    needs_kafka_python_3(utils, "the id of a topic")
    utils.create_topics([topic])
    utils.send_messages(topic, [("old", "1")])
    mark = utils.mark(topic)
    utils.delete_topics([topic])
    utils.create_topics([topic])
    utils.send_messages(topic, [("new", "1"), ("new", "2")])
    text = (
        f"Topic {topic!r} was recreated since the mark was taken. "
        "Stop what writes to it before you delete or recreate it."
    )
    for read in (
        lambda: utils.records_since(mark),
        lambda: utils.read_records(topic, end=mark),
        lambda: utils.read_records(topic, utils.mark(topic), mark),
    ):
        with pytest.raises(TopicChangedError) as caught:
            read()
        assert str(caught.value) == text


def test_records_deleted_before_the_read_are_reported(
    utils: KafkaUtils, topic: str
) -> None:
    """Asked for by offset or mark they are an error, or counted; from `"earliest"` or a
    time the range begins at what is left.
    """
    create(utils, topic)
    mark = utils.mark(topic)
    utils.send_messages(
        topic, [Record("k", str(n), timestamp=TIME + n) for n in range(10)]
    )
    delete_records(utils, topic, 7)
    assert utils.offsets(topic) == {0: PartitionOffsets(7, 10, 10)}
    for start in ("earliest", TIME, at(TIME)):
        records = utils.read_records(topic, start)
        assert records.coverage == {0: Coverage(7, 10, 3, 9, 0)}
    for read in (
        lambda: utils.read_records(topic, {0: 2}),
        lambda: utils.read_records(topic, {0: 2}, {0: 8}),
    ):
        with pytest.raises(RecordsDeletedError) as caught:
            read()
        assert str(caught.value) == (
            f"Topic {topic!r}, partition 0: the records from offset 2 up to 7 were "
            "deleted before the topic was read. Read with allow_deleted=True, or keep "
            "the records longer (retention.ms, retention.bytes)."
        )
    with pytest.raises(RecordsDeletedError) as caught:
        utils.records_since(mark)
    assert (caught.value.start, caught.value.end) == (0, 7)
    allowed = utils.records_since(mark, allow_deleted=True)
    assert [record.offset for record in allowed] == [7, 8, 9]
    assert allowed.coverage == {0: Coverage(0, 10, 3, 9, 0, truncated=7)}
    gone = utils.read_records(topic, {0: 2}, {0: 5}, allow_deleted=True)
    assert gone == []
    assert gone.coverage == {0: Coverage(2, 5, 0, None, 0, truncated=3)}
