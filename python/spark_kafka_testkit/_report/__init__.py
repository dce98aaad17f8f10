"""The report: what tests did in time, as facts, as JSON, and as a page."""
