"""The doors about who somebody is: logging in, users, sessions, machine keys."""
