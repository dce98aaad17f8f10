"""A JVM of Spark's that outlives a run. Each run makes its own context in it."""
