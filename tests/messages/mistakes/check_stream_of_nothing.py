"""The job returns nothing."""

FIRST = "TypeError: loud returned nothing. Is return missing?"
SECOND = ""


def loud(orders):
    orders.selectExpr("UPPER(CAST(key AS STRING)) AS key")


def test_mistake(kafka_check_stream):
    kafka_check_stream(loud, {"orders": [("a", "1")]})
