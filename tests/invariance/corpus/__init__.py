"""Wrong streaming jobs, each with a right twin."""
