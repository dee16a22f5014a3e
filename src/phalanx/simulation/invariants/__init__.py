"""What must hold whatever happens: the judges of a simulated world, each with its own simple books."""
