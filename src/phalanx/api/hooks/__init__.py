"""Inbound webhooks: the doors for alert platforms, and those for the people who set them up."""
