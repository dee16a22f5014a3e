"""The trading day: the calendar that is in force, what its phases refuse, the intraday square-off."""
