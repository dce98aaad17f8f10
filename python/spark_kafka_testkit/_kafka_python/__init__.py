"""The only package that imports kafka-python, versions 2 and 3 behind one form."""
