"""Where the server is when nobody says."""

DEFAULT_SERVER = "http://127.0.0.1:8080"
