"""What the same work costs at least: the same bytes, and nothing decided."""
