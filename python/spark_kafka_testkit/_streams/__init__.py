"""Queries under test: a DataFrame that the kit runs, or a query of a job's own."""
