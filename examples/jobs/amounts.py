"""Payments of two versions of their producer, brought into one form."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  as Spark's documents have it

# --8<-- [start:job]
EITHER = "amount DOUBLE, price STRUCT<cents: LONG, currency: STRING>"


def in_cents(payments: DataFrame) -> DataFrame:
    """Each payment in cents and with its currency; for a Kafka sink.

    Args:
        payments: Kafka's columns, with JSON in `value`. Version 1 has `amount`, in
            euros. Version 2 has `price`, in cents of a currency.
    """
    text = F.col("value").cast("string")
    payment = F.from_json(text, EITHER)
    euros = F.round(payment.amount * 100).cast("long")
    unknown = F.raise_error(F.concat(F.lit("Payment of an unknown version: "), text))
    cents = F.coalesce(payment.price.cents, euros, unknown)
    currency = F.coalesce(payment.price.currency, F.lit("EUR"))
    value = F.to_json(F.struct(cents.alias("cents"), currency.alias("currency")))
    return payments.select("key", value.alias("value"))


# --8<-- [end:job]
