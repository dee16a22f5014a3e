"""The whole desk on a virtual clock: one seed, one history, no waiting."""
