"""Where a broker comes from: the protocol, the choice, and each kind."""
