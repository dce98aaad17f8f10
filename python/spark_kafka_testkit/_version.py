"""The kit's version. It is written only here, and the sbt build reads this line."""

__version__ = "0.2.0"
