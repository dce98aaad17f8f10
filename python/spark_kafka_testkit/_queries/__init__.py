"""What a streaming query reports about itself."""
