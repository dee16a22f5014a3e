"""Who somebody is: logging in, connections, second factors, sessions, users, machine keys."""
