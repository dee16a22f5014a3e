"""Our books and the brokers': `phalanx reconcile` and `phalanx breaks`."""
