"""What users get from a topic, through either client."""
