"""What is to be lost is sent before the crash is set."""

FIRST = "WaitError: The crash 'after_sink' did not happen: no batch began within 2 s."
SECOND = "Send the records of the batch inside the block of crash(). What you send earlier is processed earlier."


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).select("key", "value")
    run = kafka_stream(rows, sink)
    run.add_data(source, [("a", "x")])
    run.process_all_available()
    run._timeout = 2.0
    with run.crash("after_sink"):
        pass
    run.start()
