"""The fixtures for the broker and for topics, and the marker."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import PLUGIN, Inner, text_of

pytest_plugins = ["pytester"]

FIXTURES = """
import re
import pytest

seen = {}


@pytest.fixture(scope="module")
def wide(kafka_utils):
    kafka_utils.create_topics(["wide"])
    yield "wide"
    kafka_utils.delete_topics(["wide"])


def exists(kafka_utils, name):
    return name in kafka_utils.admin_client.list_topics()


def test_a_topic_is_named_after_its_test(kafka_utils, kafka_topic):
    assert re.fullmatch("test_a_topic_is_named_after_its_test-[0-9a-f]{8}", kafka_topic)
    assert list(kafka_utils.offsets(kafka_topic)) == [0]
    seen["topic"] = kafka_topic


def test_a_topic_is_gone_after_its_test(kafka_utils):
    assert not exists(kafka_utils, seen["topic"])


@pytest.mark.parametrize("long", ["x/y " + 300 * "z", 100 * "\\u00e9\\u00e8"])
def test_any_name_is_made_one_that_kafka_takes(long, kafka_topic):
    assert len(kafka_topic) <= 249
    assert re.fullmatch("[A-Za-z0-9._-]+", kafka_topic)


def test_topics_are_a_source_and_a_sink(kafka_topics):
    source, sink = kafka_topics
    assert re.fullmatch(".*-source-[0-9a-f]{8}", source)
    assert re.fullmatch(".*-sink-[0-9a-f]{8}", sink)


@pytest.mark.kafka(partitions=2, topics=["orders"])
class TestMarker:
    def test_the_classs_marker_counts(self, kafka_utils, kafka_topic, kafka_topics):
        (orders,) = kafka_topics
        assert "-orders-" in orders
        assert len(kafka_utils.offsets(orders)) == len(kafka_utils.offsets(kafka_topic))
        assert len(kafka_utils.offsets(orders)) == 2

    @pytest.mark.kafka(partitions=3)
    def test_the_closest_wins_by_argument(self, kafka_utils, kafka_topics):
        (orders,) = kafka_topics
        assert len(kafka_utils.offsets(orders)) == 3


def test_a_factory_makes_more(kafka_utils, kafka_topic_factory):
    first, second = kafka_topic_factory("a"), kafka_topic_factory("a", partitions=4)
    assert first != second
    assert len(kafka_utils.offsets(second)) == 4


def test_a_test_makes_a_topic(kafka_utils, wide):
    kafka_utils.create_topics(["mine"])


def test_a_tests_topic_is_gone_and_a_wider_fixtures_is_not(kafka_utils, wide):
    assert not exists(kafka_utils, "mine")
    assert exists(kafka_utils, wide)


def test_another_cluster_makes_a_topic(kafka_utils_factory, kafka_utils):
    other = kafka_utils_factory(bootstrap_servers=kafka_utils.broker)
    assert other is not kafka_utils
    other.create_topics(["others"])
    with pytest.raises(AssertionError, match=r" after 0\\.03 s"):
        other.assert_eventually(lambda: 1, 2, timeout=0.01)


def test_the_topic_of_another_cluster_is_gone(kafka_utils):
    assert not exists(kafka_utils, "others")


def test_without_kafka():
    pass
"""


def test_the_fixtures_give_what_they_promise(inner: Inner) -> None:
    """Names, partitions, labels, clean-up and the marker work as documented.

    The tests of the inner run check that.
    """
    result = inner(
        "--strict-markers", "--kafka-timeout-factor=3", test_fixtures=FIXTURES
    )
    result.assert_outcomes(passed=13, warnings=0)
    result.stdout.fnmatch_lines(["kafka: external Kafka at *, records through jvm"])
    result.stdout.no_fnmatch_line("*LeftoverWarning*")


def test_the_marker_tells_who_uses_kafka(pytester: pytest.Pytester) -> None:
    """Tests that use a fixture of the kit get the marker automatically."""
    pytester.makepyfile(FIXTURES)
    counted = pytester.runpytest(*PLUGIN, "--collect-only", "-q", "-m", "not kafka")
    counted.stdout.fnmatch_lines(["*::test_without_kafka", "*1/13 tests collected *"])


@pytest.mark.parametrize(
    ("marker", "reason"),
    [
        (
            "partition=2",
            "Unknown argument 'partition'. Choose one of: partitions, topics, trials, "
            "seed.",
        ),
        ("partitions=0", "partitions must be at least 1, got 0."),
        ("partitions='2'", "partitions must be an int, not str."),
        ("topics='a'", "topics must be a list of labels, got 'a'."),
        ("3", "it takes no positional arguments, got (3,)."),
    ],
)
def test_a_marker_that_says_nothing_sensible_fails_the_test(
    marker: str, reason: str, pytester: pytest.Pytester
) -> None:
    """It fails before anything is started. The message says what is valid."""
    pytester.makepyfile(
        f"import pytest\n@pytest.mark.kafka({marker})\n"
        "def test_marked(kafka_topic): pass\n"
    )
    result = pytester.runpytest(*PLUGIN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"@pytest.mark.kafka: {reason}".replace("[", "[[]")])


NO_BROKER = """
def test_without_kafka(): pass
def test_with_a_broker(kafka_utils): pass
def test_with_a_topic(kafka_topic): pass
"""
NO_JAVA = (
    "JAVA_HOME is /nowhere, but /nowhere/bin/java does not exist or can't be run. *"
)


@pytest.mark.usefixtures("no_java")
def test_without_a_broker_tests_are_skipped_with_the_reason(
    pytester: pytest.Pytester,
) -> None:
    """Tests that need no broker run. A start that failed is not tried again."""
    pytester.makepyfile(NO_BROKER)
    result = pytester.runpytest_subprocess(*PLUGIN, "-rs", "--kafka-backend=embedded")
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines([f"SKIPPED*no Kafka broker: {NO_JAVA}"])
    result.stdout.no_fnmatch_line("kafka: *embedded, at*")


@pytest.mark.usefixtures("no_java")
def test_without_a_broker_that_is_required_tests_fail(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker is required in CI, for example.

    The message has the reason, and says why the test is not skipped.
    """
    pytester.makepyfile(NO_BROKER)
    monkeypatch.setenv("CI", "true")
    result = pytester.runpytest_subprocess(*PLUGIN, "--kafka-backend=embedded")
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            NO_JAVA,
            "A broker is required here (CI is set). Use --no-kafka-require to skip the "
            "test instead.",
        ]
    )
    assert "Traceback" not in text_of(result)


THEIRS = """
import unittest
import pytest
import leave


class KafkaTestMixin:
    pass


@pytest.fixture
def kafka_topic():
    return "theirs"


@pytest.fixture
def kafka_stream(kafka_topic):
    return kafka_topic


@pytest.mark.kafka("needs broker")
def test_a_marker_with_a_reason():
    leave.a_query()


@pytest.mark.kafka(reason="slow", partitions=0)
def test_a_marker_with_other_arguments():
    leave.a_query()


@pytest.mark.kafka
def test_a_bare_marker():
    leave.a_query()


def test_a_fixture_of_the_same_name(kafka_topic):
    assert kafka_topic == "theirs"
    leave.a_query()


def test_a_fixture_that_asks_for_the_users_own(kafka_stream):
    assert kafka_stream == "theirs"
    leave.a_query()


@pytest.mark.parametrize("kafka_topics", ["a"])
def test_an_argument_of_the_same_name(kafka_topics):
    leave.a_query()


class TestMixin(KafkaTestMixin, unittest.TestCase):
    def test_a_mixin_of_the_same_name(self):
        leave.a_query()
"""
LEAVE = """
from spark_kafka_testkit import _leftovers as _tests


class Query:
    name = "theirs"

    def __init__(self):
        self.id = self.runId = id(self)

    def stop(self):
        raise AssertionError("a query of theirs was stopped")


def a_query():
    left = Query()
    _tests._active_queries = lambda: [left]
"""


def test_what_bears_our_names_and_is_not_ours_is_left_alone(
    pytester: pytest.Pytester,
) -> None:
    """The user's own markers, fixtures, arguments and mixins keep their meaning.

    Their tests get no marker, and their queries are not stopped.
    """
    pytester.makepyfile(test_theirs=THEIRS, leave=LEAVE)
    result = pytester.runpytest_subprocess(*PLUGIN, "-p", "no:randomly")
    result.assert_outcomes(passed=7, warnings=0)
    counted = pytester.runpytest(*PLUGIN, "--collect-only", "-q", "-m", "kafka")
    counted.stdout.fnmatch_lines(["*3/7 tests collected *"])


OVERRIDDEN = """
import pytest

made = []


@pytest.fixture
def kafka_topic(kafka_topic):
    return kafka_topic.upper()


def exists(kafka_utils, name):
    return name in kafka_utils.admin_client.list_topics()


@pytest.mark.kafka(partitions=2)
def test_an_override_that_asks_for_ours(kafka_topic):
    assert kafka_topic.startswith("TEST_AN_OVERRIDE")


@pytest.mark.kafka(partitions=2)
def test_a_topic_is_made_at_run_time(request):
    factory = request.getfixturevalue("kafka_topic_factory")
    utils = request.getfixturevalue("kafka_utils")
    made.append(factory())
    assert len(utils.offsets(made[0])) == 2


def test_a_topic_made_at_run_time_is_gone(kafka_utils):
    assert not exists(kafka_utils, made[0])


@pytest.mark.kafka("needs broker")
def test_a_marker_of_the_users_own():
    pass
"""


def test_fixtures_of_the_kit_are_known_however_a_test_asks_for_them(
    inner: Inner,
) -> None:
    """A fixture may be overridden, or requested while the test runs.

    The override requests the kit's fixture of the same name. At run time, a test uses
    `request.getfixturevalue`.
    """
    result = inner("--strict-markers", test_overridden=OVERRIDDEN)
    result.assert_outcomes(passed=4, warnings=0)
