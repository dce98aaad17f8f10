"""The function for foreachBatch raises."""

FIRST = "StreamingQueryException: KeyError: 'price'"
SECOND = 'in save, foreach_batch_raises.py:LINE: return [row.asDict()["price"] for row in df.collect()]'


def save(df, batch):
    return [row.asDict()["price"] for row in df.collect()]


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    run = kafka_stream(rows, foreach_batch=save)
    run.add_data(kafka_topic, [("a", "x")])
    run.process_all_available()
