"""The trading day: how it stands, and its calendar."""
