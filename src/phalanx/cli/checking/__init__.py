"""`phalanx doctor`: whether this machine can run Phalanx."""
