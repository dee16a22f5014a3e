"""`phalanx audit`: who did what from where, asked of a server, or read and checked in a data folder."""
