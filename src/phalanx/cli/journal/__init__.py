"""`phalanx verify` and `replay`: a data folder, read without a server."""
