"""What check_stream() finds and reports, with a real broker and a real Spark."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import StreamingQueryException

from spark_kafka_testkit import JobRun, KafkaUtils, NotInvariant, Record, WaitError, at
from spark_kafka_testkit._invariance.relations import DEFAULT
from spark_kafka_testkit._invariance.runs import Runs
from spark_kafka_testkit._jvm.spark_jvm import cloned
from spark_kafka_testkit.errors import KafkaTestkitError, UnknownTopicError
from tests import remains
from tests.sessions import needs_real_time

from . import jobs
from .corpus import one_sided_watermark
from .jobs import ORDERS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def finding(
    kafka: KafkaUtils, spark: SparkSession, job: Any, **options: Any
) -> NotInvariant:
    return finding_of(kafka, spark, job, ORDERS, **options)


def finding_of(
    kafka: KafkaUtils, spark: SparkSession, job: Any, inputs: Any, **options: Any
) -> NotInvariant:
    with pytest.raises(NotInvariant) as caught:
        kafka.check_stream(job, inputs, spark=spark, seed=1, **options)
    return caught.value


def test_what_is_found_is_told_whole(kafka: KafkaUtils, spark: SparkSession) -> None:
    schedule = "send orders[0] | batch | send orders[1] | batch"
    error = finding(kafka, spark, jobs.zero_watermark, schedule=schedule)
    assert str(error) == (
        "The answer of zero_watermark depends on where batches end. Rows came too "
        "late. Give withWatermark() a longer delay.\n"
        f"With this schedule: {schedule}\n"
        "it differs from the answer to the same records in one batch:\n"
        "  missing:    ('k1', 'v1')\n"
        "Spark dropped rows as late (1 in a batch).\n"
        f"  orders[0] is {error.records['orders[0]']!r}\n"
        f"  orders[1] is {error.records['orders[1]']!r}\n"
        "To see it again: kafka.check_stream(zero_watermark, inputs=..., "
        f'schedule="{schedule}")'
    )
    assert issubclass(NotInvariant, (KafkaTestkitError, AssertionError))
    assert error.relation == "batches"
    assert error.schedule == schedule
    assert error.seed is None
    closer = ("k1", "v7")  # the last record, far in the future
    assert sorted(error.expected) == [("k0", "v0"), ("k1", "v1"), closer]
    assert sorted(error.answer) == [("k0", "v0"), closer]
    assert error.records["orders[1]"][:2] == ("k1", "v1")


def test_the_line_repeats_a_timeout_as_it_was_given(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """The factor of a slow machine would otherwise count twice, or show up unasked."""
    schedule = "send orders[0] | batch | send orders[1] | batch"
    begin, end = (
        "kafka.check_stream(zero_watermark, inputs=..., ",
        f'schedule="{schedule}")',
    )
    with KafkaUtils(bootstrap_servers=kafka.broker, timeout_factor=2) as slow:
        plain = finding(slow, spark, jobs.zero_watermark, schedule=schedule)
        timed = finding(slow, spark, jobs.zero_watermark, schedule=schedule, timeout=70)
    assert plain.replay == begin + end
    assert timed.replay == f"{begin}timeout=70, {end}"


def test_the_smallest_schedule_is_found_and_its_line_shows_it_again(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    error = finding(kafka, spark, jobs.zero_watermark, same_under=["batches"])
    assert error.relation == "batches"
    assert error.seed == 1
    assert len(error.records) == 2
    assert error.schedule.count("batch") == 2
    again = finding(kafka, spark, jobs.zero_watermark, schedule=error.schedule)
    assert (again.answer, again.expected) == (error.answer, error.expected)


def test_a_right_job_passes_and_the_report_says_what_was_looked_at(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    report = kafka.check_stream(jobs.copied, ORDERS, spark=spark, trials=9, seed=2)
    assert report.trials == 9
    assert report.seed == 2
    assert {"batches", "batch_mode", "crashes"} <= set(report.same_under)
    assert report.skipped["retention"] == "the kit reads the topics for the job"
    assert {*report.same_under, *report.skipped} == set(DEFAULT)
    assert not {*report.same_under} & {*report.skipped}


def test_a_job_that_is_random_is_told_as_such(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    error = finding(kafka, spark, jobs.random_values)
    assert error.relation == "determinism"
    assert str(error).startswith(
        "The answer of random_values is not deterministic. Look for uuid(), rand(), "
        "the clock, or a global variable.\n"
        f"This schedule gives two: {error.schedule}\n"
        "the second differs from the first:\n"
    )
    assert len(error.records) == 1
    assert 'same_under=["determinism"]' in str(error)


def test_another_answer_in_batch_is_found(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """The stream never outputs these rows, whatever the schedule."""
    with pytest.raises(NotInvariant) as caught:
        kafka.check_stream(
            one_sided_watermark.wrong,
            one_sided_watermark.INPUTS,
            spark=spark,
            same_under=["batch_mode"],
        )
    error = caught.value
    assert error.relation == "batch_mode"
    assert len(error.records) == 1
    assert 'same_under=["batch_mode"]' in str(error)


@pytest.mark.parametrize(
    ("job", "reads_at_first", "relation"),
    [(jobs.copied, 1, "batch_mode"), (jobs.zero_watermark, 2, "batches")],
)
def test_another_answer_in_batch_that_does_not_come_again_is_not_made_smaller(
    job: Any,
    reads_at_first: int,
    relation: str,
    kafka: KafkaUtils,
    spark: SparkSession,
) -> None:
    """A smaller schedule would show it by luck alone. Other relations are tried first.

    A job with a watermark is read twice, with closers and without.
    """
    reads = 0

    def differs_once(orders: DataFrame) -> DataFrame:
        nonlocal reads
        reads += int(not orders.isStreaming)
        is_first = not orders.isStreaming and reads <= reads_at_first
        return job(orders.where("key <> 'k0'") if is_first else orders)

    with pytest.raises(NotInvariant) as caught:
        kafka.check_stream(
            differs_once,
            ORDERS,
            spark=spark,
            same_under=["batches", "batch_mode"],
            seed=7,
        )
    assert caught.value.relation == relation
    assert reads == 2 * reads_at_first
    if relation == "batch_mode":
        assert len(caught.value.records) == len(ORDERS["orders"])


@pytest.mark.parametrize(
    ("job", "relation"), [(jobs.by_partition, "partitions"), (jobs.counted, None)]
)
def test_numbers_of_partitions(
    job: Callable[..., Any],
    relation: str | None,
    kafka: KafkaUtils,
    spark: SparkSession,
) -> None:
    options: Any = {
        "same_under": ["partitions"],
        "output_mode": "update",
        "key": "partition" if relation else "key",
    }
    if relation is None:
        kafka.check_stream(job, ORDERS, spark=spark, trials=4, **options)
    else:
        assert finding(kafka, spark, job, **options).relation == relation


def test_an_append_that_runs_again_is_found(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """The job starts its query itself, and its answer is what its sink holds."""
    replayed = finding(
        kafka, spark, jobs.appended, answer=jobs.written, same_under=["replays"]
    )
    assert replayed.relation == "replays"
    assert re.fullmatch(r"send orders\[\d\] \| batch \| replay", replayed.schedule)
    assert replayed.replay == (
        "kafka.check_stream(appended, inputs=..., answer=written, "
        f'schedule="{replayed.schedule}")'
    )
    crashed = finding(
        kafka, spark, jobs.appended, answer=jobs.written, same_under=["crashes"]
    )
    assert re.fullmatch(r"send orders\[\d\] \| crash after the sink", crashed.schedule)


def test_a_write_that_can_run_again_passes(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    report = kafka.check_stream(
        jobs.overwritten,
        ORDERS,
        spark=spark,
        answer=jobs.written,
        trials=9,
        seed=3,
    )
    assert (
        report.skipped.items()
        >= {
            "idle": "the query runs on the machine's clock, which can't be set",
            "triggers": "the job starts its query itself",
            "batch_mode": "the job starts its query itself",
        }.items()
    )


def test_the_number_of_a_batch_in_the_answer_is_found(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    error = finding(
        kafka, spark, jobs.batches_written, answer=jobs.written, same_under=["batches"]
    )
    assert error.relation == "batches"
    assert len(error.records) == 2


@pytest.mark.parametrize("sink", ["kafka", "memory", "parquet", None])
def test_each_sink_holds_the_same_of_a_right_job(
    sink: str | None, kafka: KafkaUtils, spark: SparkSession
) -> None:
    """Every relation that applies to the sink is checked."""
    report = kafka.check_stream(
        jobs.copied, ORDERS, spark=spark, sink=sink, trials=9, seed=4
    )
    lost = "Spark's memory sink is lost with its query"
    assert [name for name, why in report.skipped.items() if why == lost] == (
        ["triggers", "restarts", "replays", "crashes"] if sink == "memory" else []
    )


@pytest.mark.parametrize("sink", ["kafka", "memory"])
def test_a_right_job_that_writes_everything_anew_passes(
    sink: str, kafka: KafkaUtils, spark: SparkSession
) -> None:
    """A topic keeps what each batch wrote, and the latest of each key is compared."""
    report = kafka.check_stream(
        jobs.numbered,
        ORDERS,
        spark=spark,
        sink=sink,
        output_mode="complete",
        trials=9,
        seed=1,
    )
    assert "batches" in report.same_under


def test_a_right_job_may_keep_the_name_of_the_topic(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """The topics of each run have other names."""
    report = kafka.check_stream(
        lambda orders: orders.select("key", "value", "topic"),
        ORDERS,
        spark=spark,
        same_under=["batches", "batch_mode"],
        trials=2,
    )
    assert report.same_under == ("batches", "batch_mode")


@pytest.mark.parametrize(
    ("job", "options", "error_type", "text"),
    [
        (
            jobs.appended,
            {},
            ValueError,
            "The job has written nothing to run.topic, so nothing can be compared. "
            "Give answer=, a function that reads what the job wrote.",
        ),
        (
            lambda orders: jobs.copied(orders).where("key = 'none'"),
            {},
            ValueError,
            "The job has no answer to these records, so nothing can be compared. Give "
            "inputs that it writes something for.",
        ),
        (
            jobs.copied,
            {"answer": lambda _: None},
            TypeError,
            "answer= returned nothing. Is return missing?",
        ),
        (
            jobs.counts_to_topic,
            {},
            ValueError,
            "The job writes its results again in each batch (output mode update). Give "
            'answer="latest" to compare the last one of each key.',
        ),
        (
            jobs.per_minute,
            {},
            ValueError,
            "The closers do not move the job's watermark: before and after them, the "
            "latest event time that it has seen is 2026-01-01 09:00:03. So windows "
            "that are still open would not be compared. Give closers=, records that "
            "close them.",
        ),
    ],
)
def test_a_check_that_would_compare_nothing_is_refused(
    job: Any,
    options: dict[str, Any],
    error_type: type[Exception],
    text: str,
    kafka: KafkaUtils,
    spark: SparkSession,
) -> None:
    with pytest.raises(error_type) as caught:
        kafka.check_stream(job, ORDERS, spark=spark, trials=1, **options)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("inputs", "options", "text"),
    [
        (
            {"my orders": ORDERS["orders"]},
            {},
            "inputs: the name 'my orders' can't be part of a schedule. Use letters, "
            "digits, '.', '_' and '-'.",
        ),
        (
            ORDERS,
            {"sink": "delta"},
            "The kit can't read what a sink 'delta' holds. Give one of kafka, memory, "
            "parquet, json, orc, csv, text. Or let the job start its query, and give "
            "answer=, a function that reads what it wrote.",
        ),
    ],
)
def test_what_can_not_be_told_or_read_is_refused(
    inputs: Any,
    options: dict[str, Any],
    text: str,
    kafka: KafkaUtils,
    spark: SparkSession,
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        kafka.check_stream(jobs.copied, inputs, spark=spark, **options)


def test_a_query_that_dies_beside_the_first_is_the_jobs_death(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    with pytest.raises(StreamingQueryException, match="beside"):
        kafka.check_stream(jobs.dies_beside, ORDERS, spark=spark, trials=1)


def test_a_write_is_lost_wherever_the_checkpoint_lies(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    error = finding(
        kafka,
        spark,
        jobs.copies_and_counts,
        answer=jobs.written,
        schedule="send orders[0] | crash at write 2",
    )
    assert (len(error.expected), len(error.answer)) == (1, 2)


def test_a_job_may_have_several_queries(kafka: KafkaUtils, spark: SparkSession) -> None:
    """The answer is what the last query wrote.

    The topic between the queries is at-least-once.
    """

    def lines(run: JobRun) -> set[str]:
        return set(jobs.written(run))

    report = kafka.check_stream(
        jobs.in_two_queries, ORDERS, spark=spark, answer=lines, trials=9, seed=5
    )
    assert {"batches", "restarts", "replays", "crashes"} <= set(report.same_under)
    error = finding(
        kafka, spark, jobs.with_one_file, answer=lines, same_under=["batches"]
    )
    # where the second query's batches end is chance
    assert error.relation in ("batches", "determinism")
    assert error.relation == "determinism" or len(error.records) == 2


REAL_TIME: dict[str, Any] = {
    "sink": "kafka",
    "output_mode": "update",
    "same_under": ["real_time"],
}


def test_a_job_may_run_in_real_time(kafka: KafkaUtils, spark: SparkSession) -> None:
    needs_real_time()
    report = kafka.check_stream(jobs.copied, ORDERS, spark=spark, **REAL_TIME)
    assert report.same_under == ("real_time",)


def test_another_answer_in_real_time_is_found(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """It is the date: runs in batches have a clock of their own."""
    needs_real_time()
    error = finding(kafka, spark, jobs.dated, **REAL_TIME)
    assert error.relation == "real_time"
    assert (
        "The answer of dated depends on whether it runs in batches or in real time.\n"
        f"With this schedule: {error.schedule}\n"
        "in real-time mode it differs from the answer in one batch:\n"
    ) in str(error)
    assert 'same_under=["real_time"]' in str(error)


def test_where_there_is_no_real_time_mode_the_report_says_so(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """The reasons are the sink, state, Spark's refusal, and too few task slots."""
    needs_real_time()
    many = {name: [("k", "v")] for name in ("north", "south", "east")}
    of_files = {**REAL_TIME, "sink": "parquet", "output_mode": "append"}
    by_sink, by_state, by_spark, by_slots = (
        kafka.check_stream(job, inputs, spark=spark, **options).skipped["real_time"]
        for job, inputs, options in (
            (jobs.copied, ORDERS, of_files),
            (jobs.numbered, ORDERS, REAL_TIME),
            (jobs.twice, ORDERS, REAL_TIME),
            (jobs.of_three, many, REAL_TIME),
        )
    )
    assert by_sink == 'real-time mode is for sink="kafka" and output_mode="update"'
    assert by_state == "it has state (stateStoreSave)"
    assert by_spark.startswith(
        "Spark refuses it: StreamingQueryException: [STREAMING_REAL_TIME_MODE.IDENT"
    )
    assert by_slots == "it needs a task slot for each input: 3, and there are 2"


def test_a_reader_that_counts_the_records_of_a_topic_is_wrong(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """Kafka's sink is at-least-once.

    So repeated rows are no finding, but their number is one.
    """
    relations = ["crashes"]
    kafka.check_stream(
        jobs.copied, ORDERS, spark=spark, sink="kafka", same_under=relations, trials=4
    )
    error = finding(
        kafka, spark, jobs.copied, sink="kafka", same_under=relations, answer=len
    )
    assert re.fullmatch(r"send orders\[\d\] \| crash after the sink", error.schedule)
    assert (error.expected, error.answer) == (1, 2)


def test_an_error_of_the_kit_says_by_which_schedule(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """The job also reads a topic that does not exist."""
    with pytest.raises(UnknownTopicError) as caught:
        kafka.check_stream(
            jobs.reads_another_topic, ORDERS, spark=spark, answer=jobs.written
        )
    (note,) = vars(caught.value)["__notes__"]
    assert note == "With the schedule: send orders[0:8] | batch"


def test_the_order_of_each_partition(kafka: KafkaUtils, spark: SparkSession) -> None:
    report = kafka.check_stream(
        jobs.copied,
        ORDERS,
        spark=spark,
        sink="kafka",
        answer="by_partition",
        same_under=["batches", "restarts", "crashes", "partitions", "batch_mode"],
        trials=4,
    )
    assert report.skipped == {
        "partitions": "with more partitions, several tasks write to one partition of "
        "the sink",
        "crashes": "Kafka's sink may repeat records, and their order is compared",
        "batch_mode": "a batch has no order",
    }


def test_duplicates_are_sent_where_the_job_promises_to_drop_them(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    error = finding(
        kafka, spark, jobs.counted, same_under=["duplicates"], output_mode="update"
    )
    assert error.relation == "duplicates"
    assert re.fullmatch(r"send (orders\[\d\]), \1 again \| batch", error.schedule)


def test_columns_that_are_no_text_are_compared(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """They can be keys of an answer, and are compared with those of `spark.read`."""
    report = kafka.check_stream(
        lambda orders: orders.groupBy("key").count(),
        ORDERS,
        spark=spark,
        output_mode="update",
        same_under=["batches", "batch_mode"],
        trials=2,
    )
    assert report.same_under == ("batches", "batch_mode")
    report = kafka.check_stream(
        lambda orders: orders.select("key", "value"),
        ORDERS,
        spark=spark,
        sink="kafka",
        same_under=["batch_mode"],
    )
    assert report.same_under == ("batch_mode",)


def test_other_keys_do_not_change_the_answer_for_a_key(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    kafka.check_stream(
        jobs.counted,
        ORDERS,
        spark=spark,
        same_under=["other_keys", "batches"],
        output_mode="update",
        trials=4,
    )
    error = finding(
        kafka, spark, jobs.shares, same_under=["other_keys"], answer="latest"
    )
    assert error.relation == "other_keys"
    assert re.fullmatch(
        r"send orders\[\d\], orders\[\d\] as another key \| batch", error.schedule
    )


def test_other_keys_are_left_out_where_they_can_not_be_told_apart(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """They cause no false alarm."""

    def whole(orders: Any) -> Any:
        return orders.selectExpr("CAST(CAST(key AS STRING) AS INT) AS key")

    numbers = {"orders": [(1, "a"), (2, "b")]}
    by_function, by_number, by_place = (
        kafka.check_stream(
            job, inputs, spark=spark, same_under=["other_keys"], trials=2, **options
        )
        for job, inputs, options in (
            (jobs.copied, ORDERS, {"answer": len}),
            (whole, numbers, {}),
            (jobs.copied, ORDERS, {"answer": "by_partition", "sink": "kafka"}),
        )
    )
    assert by_function.skipped["other_keys"] == (
        "of a function's answer nobody knows which part is of which key"
    )
    assert by_number.skipped["other_keys"] == (
        "other keys are texts, and some of yours are null or numbers"
    )
    assert by_place.same_under == ("other_keys",)


def test_records_that_were_read_keep_their_partitions_order_but_not_their_number(
    kafka: KafkaUtils, spark: SparkSession, topic: str
) -> None:
    """They come partition by partition.

    The topics of trials have fewer partitions.
    """
    kafka.create_topics([topic], 4)
    minutes = [(n % 4, at("09:00") + timedelta(minutes=n // 2)) for n in range(8)]
    kafka.send_messages(
        topic,
        [Record(f"k{p}", str(p), partition=p, timestamp=time) for p, time in minutes],
    )
    error = finding_of(
        kafka,
        spark,
        jobs.zero_watermark,
        {"orders": kafka.read_records(topic)},
        same_under=["partitions", "batches"],
    )
    assert error.relation == "batches"


def test_inputs_of_strategies_are_drawn(kafka: KafkaUtils, spark: SparkSession) -> None:
    from hypothesis import strategies as st

    def order(key: str, second: int) -> Record:
        return Record(key, "v", timestamp=at("09:00") + timedelta(seconds=second))

    orders = st.builds(order, st.sampled_from("abc"), st.integers(0, 5))
    records = st.lists(orders, min_size=4, max_size=6)
    with pytest.raises(NotInvariant) as caught:
        kafka.check_stream(
            jobs.zero_watermark, {"orders": records}, spark=spark, seed=0, trials=20
        )
    line = re.search(r"inputs=(.*), schedule=\"(.*)\"\)", str(caught.value))
    assert line is not None
    with pytest.raises(NotInvariant) as again:
        kafka.check_stream(
            jobs.zero_watermark,
            eval(line[1], {"Record": Record}),  # noqa: S307  as users paste it
            spark=spark,
            schedule=line[2],
        )
    assert again.value.answer == caught.value.answer


def test_an_event_time_in_the_value_must_be_told(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    """Otherwise, schedules would be unfair and windows would stay open."""
    orders = {
        "orders": [("a", {"at": at("10:30"), "n": 1}), ("b", {"at": at("10:31")})]
    }

    def first(orders: Any) -> Any:
        times = "CAST(get_json_object(CAST(value AS STRING), '$.at') AS TIMESTAMP) AS t"
        return orders.selectExpr("CAST(key AS STRING) AS key", times).withWatermark(
            "t", "1 minute"
        )

    def counted(orders: Any) -> Any:
        return first(orders).dropDuplicates(["key", "t"]).select("key")

    with pytest.raises(ValueError) as caught:  # noqa: PT011  whole, below
        kafka.check_stream(counted, orders, spark=spark, trials=2)
    assert str(caught.value) == (
        "The job's event time is not the record's timestamp: the latest that it has "
        "seen is 2026-01-01 10:31:00. Give event_time=, a function of a Record, and "
        "closers=, records that close its windows."
    )
    report = kafka.check_stream(
        counted,
        orders,
        spark=spark,
        trials=4,
        event_time=lambda record: record.value["at"],
        closers={"orders": [("c", {"at": at("23:00")})]},
    )
    assert report.trials == 4


def test_where_a_query_of_the_jobs_own_writes_must_be_told(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    def started(orders: Any) -> Any:
        return orders.writeStream.format("noop").start()

    with pytest.raises(ValueError) as caught:  # noqa: PT011  whole, below
        kafka.check_stream(started, ORDERS, spark=spark)
    assert str(caught.value) == (
        "The kit can't tell where the job writes: it starts its query itself, and has "
        "no parameter `run` with a topic or folder to write to. Give answer=, a "
        "function that reads what the job wrote."
    )


def test_a_run_that_fails_does_not_hide_what_was_found(
    kafka: KafkaUtils, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found is reported, even if the schedule is not the smallest."""
    is_found = threading.Event()

    def abandon(runs: Runs) -> None:
        is_found.set()
        original(runs)

    def unlucky(orders: Any) -> Any:
        if is_found.is_set():
            raise KafkaTestkitError("the broker is away")
        return jobs.zero_watermark(orders)

    original = Runs.abandon
    monkeypatch.setattr(Runs, "abandon", abandon)
    error = finding(kafka, spark, unlucky, same_under=["batches"])
    assert error.relation == "batches"


def test_what_kills_the_job_at_once_is_raised(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException, match="nothing"):
        kafka.check_stream(lambda orders: orders.select("nothing"), ORDERS, spark=spark)


@pytest.mark.parametrize("job", [jobs.copied, jobs.forgets_to_return])
def test_nothing_is_left(
    job: Any, kafka: KafkaUtils, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Topics, queries and listeners are gone, and Spark logs as before."""
    sessions: list[SparkSession] = []

    def noted(session: SparkSession, count: int) -> list[SparkSession]:
        sessions.extend(cloned(session, count))
        return sessions

    monkeypatch.setattr("spark_kafka_testkit._invariance.runs.cloned", noted)
    logs: Any = spark.sparkContext._jvm
    config = logs.org.apache.logging.log4j.LogManager.getContext(
        False
    ).getConfiguration()
    before = set(kafka.admin_client.list_topics()), remains.listeners(spark)
    with suppress(TypeError):
        kafka.check_stream(job, ORDERS, spark=spark, trials=3)
    assert (set(kafka.admin_client.list_topics()), remains.listeners(spark)) == before
    assert sessions
    assert not any(session.streams.active for session in [spark, *sessions])
    assert not config.getLoggers().containsKey("org.apache.spark")


def test_the_other_errors_of_the_kit_are_no_findings(
    kafka: KafkaUtils, spark: SparkSession
) -> None:
    assert not issubclass(NotInvariant, WaitError)
    with pytest.raises(ValueError, match="no record"):
        kafka.check_stream(jobs.copied, {"orders": []}, spark=spark)
