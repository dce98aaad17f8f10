"""An aggregation without a watermark is appended."""

FIRST = "AnalysisException: [STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION] Invalid streaming output mode: append. This output mode is not supported for streaming aggregations without watermark on streaming DataFrames/DataSets."
SECOND = 'Give output_mode="update" or "complete", or withWatermark() before groupBy().'


def test_mistake(kafka_utils, kafka_spark, kafka_stream, kafka_topics):
    source, sink = kafka_topics
    rows = kafka_utils.read_stream(kafka_spark, source).groupBy("key").count()
    kafka_stream(rows.selectExpr("key", "CAST(count AS STRING) AS value"), sink)
