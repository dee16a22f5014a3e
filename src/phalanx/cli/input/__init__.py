"""What a person typed or a file holds, checked before anything is sent."""
