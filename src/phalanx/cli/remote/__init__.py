"""The server as commands see it: requests, the answers that are reckoned with, exact JSON."""
