"""Java: a Spark session's JVM, JVMs of our own, the helper in them, and their jars. The
only package that imports py4j.
"""
