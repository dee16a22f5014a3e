"""`phalanx watch`: the stream, followed and shown while things happen."""
