"""Java: a Spark session's JVM, the kit's own JVMs, the helper in them, and their jars.

This is the only package that imports py4j.
"""
