"""The pytest plugin: fixtures, the marker `kafka`, and options.

Every pytest run loads it, so it imports nothing heavy, and starts nothing until a test
asks for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from spark_kafka_testkit import _clock
from spark_kafka_testkit._invariance.check import CheckOptions
from spark_kafka_testkit._invariance.examples import has_strategies
from spark_kafka_testkit._invariance.search import StreamReport
from spark_kafka_testkit._jvm.installed_spark import installed_spark
from spark_kafka_testkit._jvm.own_helper import stop_own_helper
from spark_kafka_testkit._jvm.spark_jvm import close_producers
from spark_kafka_testkit._leftovers import (
    BrokerEndedWarning,
    Leftovers,
    LeftoverWarning,
    left_running,
    topic_name,
)
from spark_kafka_testkit._model.secret import MASK, Secret
from spark_kafka_testkit._plugin import marker, options
from spark_kafka_testkit._plugin.failures import Failures
from spark_kafka_testkit._plugin.marker import WISHES
from spark_kafka_testkit._plugin.report import section
from spark_kafka_testkit._plugin.reporting import register
from spark_kafka_testkit._plugin.run import Run, Used, current, summary
from spark_kafka_testkit._plugin.spark_error import shorten
from spark_kafka_testkit._plugin.terminal import output
from spark_kafka_testkit._plugin.traceback import (
    cut,
    is_of_fixture,
    message_alone,
    name_shortly,
)
from spark_kafka_testkit._progress import outputs
from spark_kafka_testkit._spark.archive import unfinished
from spark_kafka_testkit._streams.follow import FollowedQuery
from spark_kafka_testkit._streams.run import StreamOptions, StreamRun
from spark_kafka_testkit._streams.steps import StreamSteps
from spark_kafka_testkit.errors import JarError, SparkSetupError
from spark_kafka_testkit.kafka_utils import KafkaUtils

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery
    from typing_extensions import Unpack

__all__ = [
    "BrokerEndedWarning",
    "LeftoverWarning",
    "StreamChecker",
    "StreamFollower",
    "StreamReader",
    "StreamRunner",
    "TopicFactory",
    "kafka_check_stream",
    "kafka_follow",
    "kafka_read_stream",
    "kafka_spark",
    "kafka_spark_conf",
    "kafka_stream",
    "kafka_topic",
    "kafka_topic_factory",
    "kafka_topics",
    "kafka_utils",
    "kafka_utils_factory",
]

# 218 of them when it is imported by Python 3.11 or 3.12, and errors if the user turns
# warnings into errors. There is nothing that the user could do about them.
DEPRECATED = r"(read|open)_text is deprecated"
DEPRECATING = r"(kafka\.protocol|importlib\.resources)\."

RUN = pytest.StashKey[Run]()
LEFTOVERS = pytest.StashKey[Leftovers]()
BEGAN = pytest.StashKey[datetime]()
FAILURE = pytest.StashKey[BaseException]()
STREAMS = pytest.StashKey["list[StreamSteps]"]()
WORKER_KEY = "spark_kafka_testkit"
SUMMARY = pytest.StashKey[str]()
SHOWN = pytest.StashKey[Any]()
EFFORT = ("trials", "seed", "timeout")
"""Options that do not change what a schedule shows."""


class TopicFactory(Protocol):
    """The type of `kafka_topic_factory`."""

    def __call__(self, label: str = "", partitions: int | None = None) -> str:
        """Create a topic that is deleted at the end of the test, and return its name.

        The name contains the test's name and the label.

        Args:
            label: a label to tell a test's topics apart.
            partitions: the number of partitions. Default: what the marker says, else 1.
        """


class StreamRunner(Protocol):
    """The type of `kafka_stream`."""

    def __call__(
        self,
        df: DataFrame,
        topic: str | None = None,
        **options: Unpack[StreamOptions],
    ) -> StreamRun:
        """Start a streaming DataFrame and wait until it is alive.

        It gets a fresh checkpoint, and is stopped at the end of the test. If its query
        died unexpectedly, the query's exception is raised then, unless the test has
        failed or expected it.

        The arguments are those of `KafkaUtils.run_stream`.
        """


class StreamFollower(Protocol):
    """The type of `kafka_follow`."""

    def __call__(
        self,
        query: StreamingQuery | Callable[..., StreamingQuery],
        topic: str | None = None,
        *,
        answer: Callable[[], Any] | None = None,
        timeout: float = 60,
    ) -> FollowedQuery:
        """Take over a query that your job starts, and wait until it is alive.

        Pass the query, or the function that starts it. It ends like a stream of
        `kafka_stream`.

        The arguments are those of `KafkaUtils.follow`.
        """


class StreamChecker(Protocol):
    """The type of `kafka_check_stream`."""

    def __call__(
        self,
        job: Callable[..., Any],
        inputs: Mapping[str, Any],
        **options: Unpack[CheckOptions],
    ) -> StreamReport:
        """Check a job with the session of `kafka_spark`.

        A schedule that failed is kept in pytest's cache, and is tried first in the
        test's next run.

        The arguments are those of `KafkaUtils.check_stream`. `trials` and `seed`
        default to those of the marker, if it has them:
        `@pytest.mark.kafka(trials=200)`.
        """


class StreamReader(Protocol):
    """The type of `kafka_read_stream`."""

    def __call__(self, topics: str | Sequence[str] | None, **options: Any) -> DataFrame:
        """A streaming DataFrame of topics, in the session of `kafka_spark`.

        The arguments are those of `KafkaUtils.read_stream`.
        """


# The run


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", marker.DESCRIPTION)
    config.addinivalue_line(
        "filterwarnings", f"ignore:{DEPRECATED}:DeprecationWarning:{DEPRECATING}"
    )
    # outside of tests too, where a broker may be started
    warnings.filterwarnings("ignore", DEPRECATED, DeprecationWarning, DEPRECATING)
    run = Run(options.resolve(config))
    config.stash[RUN] = run
    register(config, run)
    current.append(run)
    shown = config.stash[SHOWN] = partial(output, config)
    outputs.append(shown)


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is not None:
        run.finish()  # pytest ended before its session did
        current.remove(run)
        outputs.remove(config.stash[SHOWN])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Finish the run, after the fixtures and workers."""
    config = session.config
    run = config.stash[RUN]
    used = run.used()
    run.finish()
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output[WORKER_KEY] = list(used)
        # It may write its class archive now. The controller kills a worker that takes
        # longer than ten seconds after this.
        stop_own_helper()
    elif lines := summary([used, *run.by_workers]):
        config.stash[SUMMARY] = "\n".join(lines)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In pytest-xdist's controller, note what a worker used when it ends."""
    used = getattr(node, "workeroutput", {}).get(WORKER_KEY)
    if used is not None:
        node.config.stash[RUN].by_workers.append(Used(*used))


def pytest_report_header(config: pytest.Config) -> list[str]:
    try:
        version = installed_spark()
    except SparkSetupError:
        spark = "no Spark (records through kafka-python)"
    else:
        spark = f"Spark {version.spark}"
        try:
            version.helper  # noqa: B018  the look-up is what may fail
        except JarError:
            spark += (
                f" (no helper for Scala {version.scala}: records through kafka-python)"
            )
    options = config.stash[RUN].options
    lines = [f"kafka: {options.broker}, {spark}"]
    if options.left_out:
        lines.append(f"kafka: {options.left_out}")
    return lines


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Hide secrets.

    pytest would show where two texts differ, and the texts along with it.
    """
    if isinstance(left, Secret) or isinstance(right, Secret):
        return [f"{MASK} {op} {MASK}"]
    return None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    text = config.stash.get(SUMMARY, None)
    if text is not None:
        terminalreporter.write_line(text)
    if why := unfinished():
        terminalreporter.write_line(
            "kafka: the kit can halve Spark's start by a class archive, which is not "
            f"recorded yet: {why}. Run `spark-kafka-testkit prepare` once, which "
            "records it"
        )


# The tests


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marker.mark_users(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    keys: tuple[pytest.StashKey[Any], ...] = (FAILURE, LEFTOVERS, STREAMS, WISHES)
    for key in keys:  # from an earlier run of the test
        if key in item.stash:
            del item.stash[key]
    if marker.uses_kit(item):
        _begin(item)
        item.config.stash[RUN].spark.begin(item)


def _begin(test: pytest.Item) -> marker.Wishes:
    """Begin a test that uses the kit, or that requests a fixture while it runs."""
    test.stash[WISHES] = wishes = marker.wishes(test)
    test.stash[BEGAN] = datetime.fromtimestamp(_clock.now(), timezone.utc)
    run = test.config.stash[RUN]
    for recorder in run.recorders():
        recorder.topics.clear()
    run.replace_ended(test.nodeid)
    return wishes


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a section to the report of a failed test, and shorten its traceback.

    The kit's own functions are removed from the traceback. If only pytest's are left,
    as for a fixture of the kit, the message stands alone.
    """
    is_cut = False
    if call.excinfo is not None and not item.config.getoption("fulltrace", False):
        is_cut = cut(call.excinfo.value)
    report = yield
    if call.excinfo is not None and is_cut and is_of_fixture(call.excinfo.value):
        report.longrepr = message_alone(call.excinfo)
    name_shortly(report)
    if call.excinfo is not None:
        item.stash[FAILURE] = call.excinfo.value
        if WISHES in item.stash and not item.config.getoption("fulltrace", False):
            with suppress(Exception):  # the report must not fail
                shorten(report, call.excinfo.value, item.config.stash[RUN].topics)
    if report.failed and call.when != "teardown" and WISHES in item.stash:
        topics = {
            recorder.cluster: list(recorder.topics)[::-1]
            for recorder in item.config.stash[RUN].recorders()
            if recorder.topics and recorder.cluster is not None
        }
        queries = _queries_of(item)
        if queries or topics:
            report.sections.append(
                ("Kafka", section(topics, queries, item.stash[BEGAN]))
            )
    return report


def _queries_of(test: pytest.Item) -> list[StreamingQuery]:
    """The queries that a test has started and that run, and those of its streams."""
    leftovers = test.stash.get(LEFTOVERS, None)
    queries: list[StreamingQuery] = []
    with suppress(Exception):  # their JVM may be gone
        queries += [] if leftovers is None else leftovers.queries()
        running = {str(query.runId) for query in queries}
        queries += [  # a stream's query may have died
            stream.query
            for stream in test.stash.get(STREAMS, [])
            if str(stream.query.runId) not in running
        ]
    return queries


@pytest.fixture(autouse=True)
def _kafka_end_of_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop the queries that a test left running, then delete its topics.

    It is set up before the test's other fixtures, and so ends after them.
    """
    if WISHES in request.node.stash:
        with _swept(request.node):
            yield
    else:
        yield


@contextmanager
def _swept(test: pytest.Item) -> Iterator[None]:
    run = test.config.stash[RUN]
    leftovers = test.stash[LEFTOVERS] = Leftovers(run.clusters)
    yield
    names = leftovers.stop_queries()
    if FAILURE in test.stash:
        close_producers()  # a dead query's producer would be heard in later tests
    if not run.options.keep:
        try:
            leftovers.delete_topics()
        except Exception as error:  # noqa: BLE001  a broker that is gone has failed the test already
            text = f"{test.nodeid}: its topics were not deleted: {error}"
            warnings.warn(LeftoverWarning(text), stacklevel=1)
    if names:
        text = left_running(test.nodeid, names)
        if run.options.strict:
            pytest.fail(text, pytrace=False)
        warnings.warn(LeftoverWarning(text), stacklevel=1)


# What tests use


@pytest.fixture(scope="session")
def kafka_utils(pytestconfig: pytest.Config) -> KafkaUtils:
    """A `KafkaUtils` that is set up: one broker for the run.

    With pytest-xdist it is one broker for each worker. Topics that a test creates with
    it are deleted at the end of the test.
    """
    return pytestconfig.stash[RUN].kafka_utils()


@pytest.fixture(scope="session")
def kafka_utils_factory(pytestconfig: pytest.Config) -> Callable[..., KafkaUtils]:
    """A function that creates a further `KafkaUtils` and sets it up: a second cluster.

    It passes on the arguments that it is called with, and the run's
    `--kafka-timeout-factor`. The cluster ends with the run.
    """
    return pytestconfig.stash[RUN].another


@pytest.fixture
def _kafka_wishes(request: pytest.FixtureRequest) -> Iterator[marker.Wishes]:
    """What the marker says.

    A test that gets here only through `request.getfixturevalue` was not recognised as
    using the kit. From here on, its end is cleaned up too.
    """
    wishes = request.node.stash.get(WISHES, None)
    if wishes is not None:
        yield wishes
        return
    wishes = _begin(request.node)
    with _swept(request.node):
        yield wishes


@pytest.fixture
def kafka_topic_factory(
    request: pytest.FixtureRequest,
    kafka_utils: KafkaUtils,
    _kafka_wishes: marker.Wishes,
) -> TopicFactory:
    """A function that creates topics for the test: see `TopicFactory`."""

    def create(label: str = "", partitions: int | None = None) -> str:
        name = topic_name(request.node.name, label)
        number = _kafka_wishes.partitions if partitions is None else partitions
        kafka_utils.create_topics([name], number)
        return name

    return create


@pytest.fixture
def kafka_topic(kafka_topic_factory: TopicFactory) -> str:
    """The name of a new topic, which is deleted at the end of the test.

    It has one partition, or as many as the marker says:
    `@pytest.mark.kafka(partitions=3)`.
    """
    return kafka_topic_factory()


@pytest.fixture
def kafka_topics(
    kafka_topic_factory: TopicFactory, _kafka_wishes: marker.Wishes
) -> tuple[str, ...]:
    """The names of new topics, a source and a sink, deleted at the end of the test.

    The marker can name others: `@pytest.mark.kafka(topics=["orders", "bills",
    "refused"])`.
    """
    return tuple(map(kafka_topic_factory, _kafka_wishes.topics))


@pytest.fixture
def kafka_stream(
    request: pytest.FixtureRequest,
    kafka_utils: KafkaUtils,
    _kafka_wishes: marker.Wishes,  # so that it stops before leftovers are stopped
) -> Iterator[StreamRunner]:
    """A function that runs streaming DataFrames until the end of the test.

    See `StreamRunner`.
    """
    with _streams_of(request.node) as enter:

        def run(
            df: DataFrame,
            topic: str | None = None,
            **options: Unpack[StreamOptions],
        ) -> StreamRun:
            stream = kafka_utils.run_stream(df, topic, **options)
            enter(stream)
            return stream

        yield run


@pytest.fixture
def kafka_follow(
    request: pytest.FixtureRequest,
    kafka_utils: KafkaUtils,
    _kafka_wishes: marker.Wishes,  # as above
) -> Iterator[StreamFollower]:
    """A function that takes over your job's queries until the end of the test.

    See `StreamFollower`.
    """
    with _streams_of(request.node) as enter:

        def follow(
            query: StreamingQuery | Callable[..., StreamingQuery],
            topic: str | None = None,
            *,
            answer: Callable[[], Any] | None = None,
            timeout: float = 60,
        ) -> FollowedQuery:
            stream = kafka_utils.follow(query, topic, answer=answer, timeout=timeout)
            enter(stream)
            return stream

        yield follow


@pytest.fixture
def kafka_check_stream(
    request: pytest.FixtureRequest,
    kafka_utils: KafkaUtils,
    kafka_spark: SparkSession,
    _kafka_wishes: marker.Wishes,
) -> StreamChecker:
    """A function that checks what a job's answer depends on: see `StreamChecker`."""

    def check(
        job: Callable[..., Any],
        inputs: Mapping[str, Any],
        **options: Unpack[CheckOptions],
    ) -> StreamReport:
        options.setdefault("trials", _kafka_wishes.trials)
        options.setdefault("seed", _kafka_wishes.seed)
        checked = partial(kafka_utils.check_stream, job, inputs, spark=kafka_spark)
        # a kept schedule belongs to records, and strategies draw others
        if "schedule" in options or has_strategies(inputs):
            return checked(**options)
        asked = {name: options.get(name) for name in options if name not in EFFORT}
        return Failures(request.node, job, inputs, asked).check(checked, options)

    return check


@contextmanager
def _streams_of(test: pytest.Item) -> Iterator[Callable[[StreamSteps], object]]:
    """Yield a function that starts a stream. Streams it started end with the block."""
    streams = test.stash.setdefault(STREAMS, [])
    with ExitStack() as stack:

        def enter(stream: StreamSteps) -> None:
            stack.enter_context(stream)
            streams.append(stream)

        yield enter
        failure = test.stash.get(FAILURE, None)
        if failure is not None:  # then what killed a query is not raised on top
            stack.__exit__(type(failure), failure, failure.__traceback__)


@pytest.fixture
def kafka_read_stream(
    kafka_utils: KafkaUtils, kafka_spark: SparkSession
) -> StreamReader:
    """A function that creates streaming DataFrames of topics: see `StreamReader`."""

    def read(topics: str | Sequence[str] | None, **options: Any) -> DataFrame:
        return kafka_utils.read_stream(kafka_spark, topics, **options)

    return read


@pytest.fixture(scope="session")
def kafka_spark_conf() -> Mapping[str, str]:
    """Settings for the session that `kafka_spark` creates.

    Define a fixture of this name to provide some.
    """
    return {}


@pytest.fixture(scope="session")
def kafka_spark(
    request: pytest.FixtureRequest, kafka_spark_conf: Mapping[str, str]
) -> Iterator[SparkSession]:
    """A Spark session with the helper and the Kafka connector.

    It is the session of your fixture `spark` or `spark_session`, else the one that is
    running, else a new one.
    """
    run = request.config.stash[RUN]
    with run.spark.session(request, kafka_spark_conf) as spark:
        yield spark
