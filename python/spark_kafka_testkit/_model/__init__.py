"""Plain values: what is read and sent, and how to reach a cluster. No I/O."""
