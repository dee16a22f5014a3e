"""`phalanx demo`: a server, its people and its traffic in one process."""
