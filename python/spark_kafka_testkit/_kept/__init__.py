"""What outlives a run: a process of ours, the keeper, owns it; runs find it again."""
