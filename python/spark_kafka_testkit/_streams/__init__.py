"""Queries under test: a DataFrame that the kit runs, or a query that a job starts."""
