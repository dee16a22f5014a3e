"""The steps, in order. A new one names the one before it as its `down_revision`."""
