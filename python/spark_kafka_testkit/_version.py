"""The kit's version: the only place it is written; the sbt build reads this line."""

__version__ = "0.1.0"
