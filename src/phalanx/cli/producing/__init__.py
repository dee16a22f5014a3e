"""`phalanx produce`: random orders at a pace."""
