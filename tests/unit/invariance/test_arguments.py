"""What check_stream() refuses, and with which messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

import pytest

from spark_kafka_testkit import Record
from spark_kafka_testkit._invariance.inputs import Inputs
from spark_kafka_testkit._invariance.job import Job
from spark_kafka_testkit._invariance.schedule import Schedule

RECORDS = {"orders": [("a", "b")]}


def job_of(function: Any, *inputs: str) -> Job:
    return Job(function, list(inputs))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: job_of("orders", "orders"),
            TypeError,
            "job must be a function of the inputs' DataFrames, not str",
        ),
        (
            lambda: job_of(lambda bills, run: None, "orders", "payments"),
            TypeError,
            "job has a parameter 'bills', but inputs has 'orders', 'payments'. Its parameters must be named like the inputs, or `run`.",
        ),
        (
            lambda: job_of(lambda orders: None, "orders", "payments"),
            TypeError,
            "job has no parameter 'payments', which is one of the inputs. Its records would never be read.",
        ),
        (
            lambda: Inputs({"orders": "ab"}, None),
            TypeError,
            "inputs['orders'] must be a list of (key, value) pairs or Records, a Hypothesis strategy for them, or the result of read_records(), not str",
        ),
        (
            lambda: Inputs({"orders": ["ab"]}, None),
            TypeError,
            "inputs['orders'][0] must be a (key, value) pair or a Record, not str",
        ),
        (
            lambda: Inputs({"orders": [Record("a", "b", partition=-1)]}, None),
            ValueError,
            "The partition of inputs['orders'][0] must not be negative, got -1",
        ),
        (
            lambda: Inputs({"orders": []}, None),
            ValueError,
            "inputs has no records: there is nothing to check.",
        ),
        (
            lambda: Inputs(RECORDS, lambda record: "noon"),
            TypeError,
            "event_time of orders[0] must be an int of milliseconds, or a datetime "
            "such as at('09:00'), not str",
        ),
        (
            lambda: Inputs(RECORDS, None).check(Schedule.parse("send orders[1]")),
            ValueError,
            "schedule sends orders[1], but inputs has 1 records of 'orders'. It belongs to other inputs.",
        ),
        (
            lambda: Inputs(RECORDS, None).check(
                Schedule.parse("add a partition to bills")
            ),
            ValueError,
            "Unknown input in schedule 'bills'. Choose one of: orders.",
        ),
        (
            lambda: Inputs(RECORDS, None, {"bills": []}),
            ValueError,
            "Unknown input in closers 'bills'. Choose one of: orders.",
        ),
    ],
)
def test_what_can_not_be_used_is_refused(
    make: Callable[[], Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        make()


def test_a_job_of_one_input_may_name_it_as_it_likes() -> None:
    given: list[Any] = []

    def job_function(df: Any) -> None:
        given.append(df)

    job = job_of(job_function, "orders")
    job(None, lambda name: f"the frame of {name}")  # type: ignore[arg-type, return-value]
    assert given == ["the frame of orders"]
    assert not job.takes_run


def test_a_job_gets_its_run_and_the_inputs_that_it_names() -> None:
    given: dict[str, Any] = {}

    def bills(orders: Any, run: Any, *, retries: int = 3) -> None:
        given.update(orders=orders, run=run, retries=retries)

    job = job_of(bills, "orders", "payments")
    run: Any = object()
    job(run, lambda name: name)  # type: ignore[arg-type, return-value]
    assert given == {"orders": "orders", "run": run, "retries": 3}
    assert job.takes_run
    assert job.name == "bills"


def test_a_parameter_with_a_default_may_be_an_input() -> None:
    def job(orders: Any, payments: Any = None, limit: int = 3) -> Any:
        return orders, payments, limit

    run, read = cast("Any", None), cast("Any", str.upper)
    made = job_of(job, "orders", "payments")(run, read)
    assert made == ("ORDERS", "PAYMENTS", 3)


def test_records_that_name_partitions_are_sent_partition_by_partition_in_order() -> (
    None
):
    """Records that were read from a topic come partition by partition."""
    times = [(0, 1), (0, 3), (1, 2), (1, 0)]
    read = [Record("k", "v", partition=p, timestamp=t) for p, t in times]
    inputs = Inputs({"orders": read}, None)
    assert [place.index for place in inputs.places] == [0, 2, 3, 1]
    assert inputs.closers_to_send("orders", 1)[0].partition == 0
