"""Values: what is read and sent, and how a cluster is reached. No input or output."""
