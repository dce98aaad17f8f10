"""`python -m spark_kafka_testkit`: the command line."""

from spark_kafka_testkit.cli import main

main()
