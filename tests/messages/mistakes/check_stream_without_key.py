"""In update mode the last row of each key counts, and no column is named key."""

FIRST = "ValueError: answer=\"latest\" needs the key of a row: the rows have no column 'key', only customer, count. Give key=, a column name or a list of them."
SECOND = ""


def per_customer(orders):
    return orders.groupBy(orders.key.alias("customer")).count()


def test_mistake(kafka_check_stream):
    orders = [("a", "1"), ("b", "2")]
    kafka_check_stream(per_customer, {"orders": orders}, output_mode="update")
