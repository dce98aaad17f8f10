"""A JVM of Spark that outlives a run. Each run makes its own context in it."""
