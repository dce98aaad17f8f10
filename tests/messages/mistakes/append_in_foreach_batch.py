"""A function for foreachBatch has a batch twice that comes twice."""

FIRST = (
    "WaitError: The sink does not have each record exactly once: 'a' was written twice."
)
SECOND = "A batch that runs again has the same number: write it so that the second time changes nothing, by MERGE, or skip a number that the sink has."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    written = []
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    run = kafka_stream(
        rows.selectExpr("CAST(key AS STRING) AS key"),
        foreach_batch=lambda df, batch: written.extend(df.collect()),
        answer=lambda: written,
    )
    with run.crash("after_sink"):
        run.add_data(kafka_topic, [("a", "x")])
    run.start()
    run.check_exactly_once()
