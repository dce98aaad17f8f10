"""Send and read records: the protocol, the two clients, and the choice between them."""
