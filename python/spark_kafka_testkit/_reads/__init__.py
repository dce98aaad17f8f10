"""What users get of a topic, by whichever client."""
