"""The only package that imports kafka-python. It hides the differences of 2 and 3."""
