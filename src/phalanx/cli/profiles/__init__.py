"""`phalanx profiles`: who trades what under which strategy."""
