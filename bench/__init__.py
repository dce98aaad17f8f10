"""What a test waits for, measured side by side with the alternatives.

One command, `python -m bench`, runs every row on one embedded broker: the contestants
of a row take turns, so that what else the machine does falls on all of them. What
counts is the ratio between them.
"""
