"""A server process: its socket, its log, its start and its end."""
