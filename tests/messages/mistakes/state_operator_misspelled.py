"""An operator is named as in PySpark, not as in Spark's progress."""

FIRST = "ValueError: operator='dropDuplicates': the query's stateful operators are 0 (dedupe). Give one by number."
SECOND = ""
SPARK = (4, 0)


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic).select("key")
    run = kafka_stream(rows.dropDuplicates(["key"]))
    run.add_data(kafka_topic, [("a", "1")])
    run.process_all_available()
    assert len(run.state("dropDuplicates")) == 1
