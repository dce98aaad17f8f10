"""What a test waits for, measured side by side with the alternatives.

One command, `python -m bench`, runs every row on one embedded broker. The contestants
of a row take turns, so that whatever else the machine does affects all of them. What
counts is the ratio between them.
"""
