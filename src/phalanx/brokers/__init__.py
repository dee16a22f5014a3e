"""Brokers: one port, one module or folder per broker. A module maps and parses; it decides nothing."""
