"""What waits for another person."""
