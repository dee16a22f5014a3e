"""Stories that try to break the desk: one seed, one world, everything in it that can go wrong."""
