"""Feeds: what moves the quotes of a board. A walk, past days again, the market itself."""
