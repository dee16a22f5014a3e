"""What a desk keeps: clients, accounts, groups, lists, limits, settings, strategies, instruments."""
