"""The answer of a foreachBatch function is asked for."""

FIRST = "TypeError: The kit does not know what a foreachBatch function wrote. Give run_stream() answer=, a function that returns the rows, such as answer=lambda: spark.table('t')."
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    run = kafka_stream(rows, foreach_batch=lambda df, batch: None)
    run.check_answer({})
