"""Tests of spark_kafka_testkit._invariance, without Spark."""
