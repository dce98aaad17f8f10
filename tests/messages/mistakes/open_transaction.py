"""A transaction is still open."""

from kafka import KafkaProducer

FIRST = "WaitError: Query 'ID' (ID) has not processed its topics up to their end within 2 s."
SECOND = "A transaction is open in topic 'TOPIC', partition 0. Commit or abort it."


def impatient(run):
    """Once it has started, however long that takes."""
    run.process_all_available()
    run._timeout = 2.0
    return run


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topic):
    options = {"kafka.isolation.level": "read_committed"}
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic, **options)
    run = impatient(kafka_stream(rows))
    one = KafkaProducer(bootstrap_servers=kafka_utils.broker, transactional_id="t")
    one.init_transactions()
    one.begin_transaction()
    one.send(kafka_topic, b"1").get(60)
    run.process_all_available()
