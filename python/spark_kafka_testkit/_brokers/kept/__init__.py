"""Brokers that outlive a run."""
