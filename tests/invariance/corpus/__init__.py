"""Wrong streaming jobs, each with a right twin.

The `CONF` of a module has the session settings that its jobs need.
"""
