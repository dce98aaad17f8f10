"""Waits until a result, a record or a query is as it should be."""
