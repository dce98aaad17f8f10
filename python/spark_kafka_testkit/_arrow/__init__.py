"""Records as Arrow, in both directions.

The modules here hold the schemas that both clients share, the step from messages to
batches, and the step from batches to what users get.
"""
