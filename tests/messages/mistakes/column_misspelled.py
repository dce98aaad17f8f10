"""A column of the job is misspelled."""

FIRST = "AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name `valu` cannot be resolved. Did you mean one of the following? [`value`, `key`, `topic`, `offset`, `partition`]. line 1 pos 5"
SECOND = ""


def test_mistake(kafka_utils, kafka_spark, kafka_topic):
    rows = kafka_utils.read_stream(kafka_spark, kafka_topic)
    rows.selectExpr("CAST(valu AS STRING)")
