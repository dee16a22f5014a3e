"""The doors of the multi-client platform's clients: its shapes, JSON numbers, statuses after a short wait."""
