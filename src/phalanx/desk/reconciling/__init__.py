"""Our books against the brokers': when they are read, what follows, which accounts that opens."""
