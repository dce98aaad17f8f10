"""How records get in and out: the protocol, the two clients, and the choice."""
