"""A function for foreachBatch has a batch twice that comes twice."""

FIRST = "WaitError: Not exactly once: 'a' was written twice"
SECOND = "A batch that runs again has the same number. Write it with MERGE, so that a second write changes nothing, or skip a number that the sink has."

KEY = "CAST(key AS STRING) AS key"
written = []


def save(df, batch):
    written.extend(df.collect())


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic).selectExpr(KEY)
    run = kafka_stream(rows, foreach_batch=save, answer=lambda: written)
    with run.crash("after_sink"):
        run.add_data(kafka_topic, [("a", "x")])
    run.start()
    run.check_exactly_once()
