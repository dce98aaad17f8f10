"""What was not written as often as it was sent."""

from __future__ import annotations

from spark_kafka_testkit._waits.exactly_once import Sighting, differences


def seen(*identities: object, partition: int = 0, first: int = 0) -> list[Sighting]:
    """One after another in a partition of a topic."""
    return [
        Sighting(identity, "t", partition, offset)
        for offset, identity in enumerate(identities, first)
    ]


def test_what_is_once_for_each_time_is_right() -> None:
    """In any order, and in any partition; whether or not it can be hashed."""
    sent = seen("a", "b", "b", {"id": 1}, None)
    written = [*seen({"id": 1}, None, "b"), *seen("b", "a", partition=1)]
    assert differences(sent, written).count == 0
    assert differences(sent, written).lines == []
    assert differences([], []).count == 0


def test_identities_are_equal_by_the_rule_of_every_comparison() -> None:
    """The order of a dict's fields does not count, and equal numbers are one."""
    sent = [Sighting({"x": 1, "y": [2]}), Sighting(2)]
    written = [Sighting({"y": [2.0], "x": 1}), Sighting(2.0)]
    assert differences(sent, written).count == 0


def test_each_sort_of_difference_is_told() -> None:
    """What is there twice first, by all its places."""
    sent = seen("twice", "never", "b", "b", "b", "b")
    written = [*seen("twice", "b", "b", "strange"), *seen("twice", partition=3)]
    assert differences(sent, written).lines == [
        "'twice' was written twice (partition 0, offset 0; partition 3, offset 0)",
        "'never' was never written (sent to topic 't', partition 0, offset 1)",
        "'b' was written twice for 4 that were sent (partition 0, offsets 1 and 2)",
        "'strange' was written but not sent (partition 0, offset 3)",
    ]


def test_rows_have_no_places() -> None:
    """Nor have identities that the test gives."""
    rows = [Sighting("a"), Sighting("a"), Sighting("a"), Sighting("b"), Sighting("b")]
    found = differences([Sighting("a"), Sighting("a"), Sighting("c")], rows)
    assert found.lines == [
        "'a' was written 3 times for 2 that were sent",
        "'c' was never written",
        "'b' was written but not sent",
    ]


def test_many_are_counted() -> None:
    """Ten of each sort are shown, and five offsets of each."""
    many = differences(seen(*range(30)), seen(*[0] * 9, *range(1, 18)))
    assert many.count == 13
    assert many.lines[0] == (
        "0 was written 9 times (partition 0, offsets 0, 1, 2, 3, 4 and 4 more)"
    )
    assert len(many.lines) == 12
    assert many.lines[-1] == "... and 2 more"
