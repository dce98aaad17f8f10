"""A strategy for random histories."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .model import Delete, End, Grow, History, Operation, Out, Send

PRODUCERS = 3
MAX_PARTITIONS = 3

CONTENT = st.one_of(
    st.none(), st.just(b""), st.binary(min_size=1, max_size=8), st.just(b"long" * 16)
)
# more than 32 bits: py4j passes smaller numbers to Java as ints
TIMESTAMPS = st.integers(1 << 33, 1 << 41)
HEADERS = st.one_of(
    st.just(()),
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "é"]), st.none() | st.binary(max_size=3)),
        max_size=3,
    ).map(tuple),
)


def outs(partitions: int) -> st.SearchStrategy[tuple[Out, ...]]:
    one = st.builds(
        Out, st.integers(0, partitions - 1), CONTENT, CONTENT, TIMESTAMPS, HEADERS
    )
    return st.lists(one, min_size=1, max_size=4).map(tuple)


@st.composite
def operations(
    draw: Any, partitions: int, running: set[int], most: int
) -> tuple[Operation, ...]:
    """A sequence of operations that makes sense.

    Args:
        draw: from hypothesis.
        partitions: the number of partitions.
        running: the producers with an open transaction, which this changes.
        most: the largest number of operations.
    """
    found: list[Operation] = []
    for _ in range(draw(st.integers(0, most))):
        kinds = ["plain", "transactional", "transactional", "end", "end", "delete"]
        kind = draw(st.sampled_from([*kinds, "grow"]))
        if kind == "plain":
            found.append(Send(None, draw(outs(partitions))))
        elif kind == "transactional":
            producer = draw(st.integers(0, PRODUCERS - 1))
            running.add(producer)
            found.append(Send(producer, draw(outs(partitions))))
        elif kind == "end" and running:
            producer = draw(st.sampled_from(sorted(running)))
            running.discard(producer)
            found.append(End(producer, draw(st.booleans())))
        elif kind == "delete":
            number = draw(st.integers(0, partitions - 1))
            found.append(Delete(number, draw(st.integers(1, 10))))
        elif kind == "grow" and draw(st.integers(0, 3)) == 0:
            found.append(Grow())
    return tuple(found)


@st.composite
def histories(draw: Any) -> History:
    partitions = draw(st.integers(1, MAX_PARTITIONS))
    running: set[int] = set()
    before = draw(operations(partitions, running, most=10))
    during = draw(operations(partitions, running, most=4))
    # most transactions end, because a read that waits for one takes time
    ends = [
        End(producer, draw(st.booleans()))
        for producer in sorted(running)
        if draw(st.integers(0, 3))
    ]
    return History(partitions, before, (*during, *ends), draw(st.booleans()))
