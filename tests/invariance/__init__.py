"""Streaming jobs whose answer must not depend on the schedule."""
