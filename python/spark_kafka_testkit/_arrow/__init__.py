"""Records as Arrow, in both directions: the schemas that both clients share, messages
to batches, and batches to what users get.
"""
