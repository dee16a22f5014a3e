"""Our books against a broker's: what is made ours, what is proved absent, what becomes a break."""
