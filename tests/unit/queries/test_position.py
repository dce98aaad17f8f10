"""What is read off a query's progress."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_kafka_testkit._model.offsets import PartitionOffsets
from spark_kafka_testkit._queries.position import Position, offsets_of, sources_of

DESCRIPTIONS = st.sampled_from(
    ["KafkaV2[Subscribe[a, b]]", "KafkaV2[Assign[a-0]]", "RateStreamV2[1]"]
)


def progress(*sources: tuple[str, Any]) -> dict[str, Any]:
    return {
        "sources": [
            {"description": description, "endOffset": end}
            for description, end in sources
        ]
    }


@pytest.mark.parametrize(
    "reported",
    [
        '{"a": {"0": 5, "12": 0}}',
        "{'a': {'0': 5, '12': 0}}",
        {"a": {"0": 5, "12": 0}},
        {"a": {0: 5, 12: 0}},
    ],
    ids=["JSON", "a dict's text", "a dict", "numbers"],
)
def test_offsets_are_parsed_as_every_pyspark_gives_them(reported: Any) -> None:
    """PySpark 4.0 and 4.2 give JSON, 4.1 the text of a dict, 3.5 a dict."""
    assert offsets_of(reported) == {"a": {0: 5, 12: 0}}


@pytest.mark.parametrize(
    "reported",
    [None, "null", "None", "", "7", 7, "[]", '{"a": 1}', "{", '{"a": {"x": 1}}', "a b"],
)
def test_what_is_no_offsets_of_kafka_is_left_out(reported: Any) -> None:
    """It comes before the first data, and from sources of another kind."""
    assert offsets_of(reported) == {}


@given(
    st.text()
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_report_is_an_error(reported: Any) -> None:
    """Whatever Spark says, it is parsed or left out."""
    offsets_of(reported)


@given(
    st.lists(
        st.tuples(DESCRIPTIONS, st.sampled_from([None, "null", '{"a": {"0": 1}}']))
    )
)
def test_sources_of_kafka_are_found_among_others(
    sources: list[tuple[str, Any]],
) -> None:
    """By Spark's description of them."""
    wanted = [
        description for description, _ in sources if description.startswith("Kafka")
    ]
    assert len(sources_of(progress(*sources))) == len(wanted)


@pytest.mark.parametrize(
    ("description", "topics", "reads", "reads_not"),
    [
        ("KafkaV2[Subscribe[a]]", ["a"], ("a", 7), ("b", 0)),
        ("KafkaV2[Subscribe[a, b.c]]", ["a", "b.c"], ("b.c", 0), ("bxc", 0)),
        ("KafkaV2[Assign[a-0, a-b-1]]", ["a", "a-b"], ("a-b", 1), ("a", 1)),
        ("KafkaSource[Subscribe[a]]", ["a"], ("a", 0), ("b", 0)),
    ],
)
def test_a_source_reads_what_its_description_says(
    description: str,
    topics: list[str],
    reads: tuple[str, int],
    reads_not: tuple[str, int],
) -> None:
    """It may have topics by name, or single partitions."""
    (source,) = sources_of(progress((description, None)))
    assert source.pattern is None
    assert source.topics() == topics
    assert source.reads(*reads)
    assert not source.reads(*reads_not)


@pytest.mark.parametrize(
    "pattern", ["a.*", "[ab]", "[a[b]]", "a, b", "]]", "(?x) a # one\n | b"]
)
def test_a_pattern_reads_what_it_has_found(pattern: str) -> None:
    """The query reports some, and some are noted as found, for this pattern alone."""
    position = Position()
    position.take(
        progress(
            (f"KafkaV2[SubscribePattern[{pattern}]]", '{"ab": {"0": 5}}'),
            ("KafkaV2[SubscribePattern[other]]", None),
            ("KafkaV2[Subscribe[c]]", None),
        )
    )
    source, *_ = position.sources
    assert (source.pattern, source.topics()) == (pattern, ["ab"])
    assert (source.reads("ab", 0), source.reads("ba", 0)) == (True, False)
    assert position.patterns == [pattern, "other"]
    assert position.topics() == {"ab", "c"}
    position.note_matches(pattern, ["ba"])
    assert position.topics() == {"ab", "ba", "c"}
    at = PartitionOffsets(beginning=0, end=8, stable=8)
    places = position.places({"ab": {0: at}, "ba": {0: at}, "x": {0: at}})
    assert [(place.topic, place.next_offset) for place in places] == [
        ("ab", 5),
        ("ba", None),
    ]


def test_a_position_does_not_go_back() -> None:
    """A later progress may know less of a partition."""
    position = Position()
    first = progress(("KafkaV2[Subscribe[a]]", '{"a": {"0": 5, "1": 1}}'))
    second = progress(("KafkaV2[Subscribe[a]]", '{"a": {"0": 4, "2": 2}}'))
    third = progress(("KafkaV2[Subscribe[a]]", None))
    assert not position.take(None)
    for seen in (first, second, third, None):
        assert position.take(seen)
    (source,) = position.sources
    assert source.reached == {"a": {0: 5, 1: 1, 2: 2}}


def test_a_source_has_a_place_in_each_partition() -> None:
    """It is behind by what lies before the end, and in an unseen partition by all that
    is there.
    """
    position = Position()
    position.take(progress(("KafkaV2[Subscribe[a]]", '{"a": {"0": 5, "1": 9}}')))
    at = PartitionOffsets(beginning=2, end=8, stable=8)
    places = position.places({"a": {0: at, 1: at, 2: at}, "b": {0: at}})
    assert [place.behind for place in places] == [3, 0, 6]
    assert [str(place) for place in places] == [
        "topic 'a', partition 0: at 5, the end is 8",
        "topic 'a', partition 1: at 9, the end is 8",
        "topic 'a', partition 2: not read yet, the end is 8",
    ]
    assert position.is_behind({"a": {0: at, 1: at}})
    assert not position.is_behind({"a": {1: at}, "b": {0: at}})
