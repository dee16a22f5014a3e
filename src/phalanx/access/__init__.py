"""Who may come in, and what stays sealed.

`access.py` opens it all over one data folder; `directory.py` is what a door asks. Behind it: `users.py`
and `passwords.py`, `login.py` with its `throttle.py`, `confirming.py`, `second_factor.py`, `sessions.py`,
`tokens.py` with its `signing_keys.py`, and `machine_keys.py`. `store.py` keeps it all in one database
(`tables.py`, `database.py`, `migrations/`) and in memory (`picture.py`). `vault/` seals.
"""
