"""The market: which instruments exist and what they cost. No order, no account, no broker."""
