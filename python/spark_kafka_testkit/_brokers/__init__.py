"""Brokers: the protocol, the choice between them, and each kind."""
