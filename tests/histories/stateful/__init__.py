"""Random histories of stateful queries, against oracles in plain Python."""
