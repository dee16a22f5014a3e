"""Sealed credentials and the keys that seal them.

`envelope.py` is how a thing is sealed; `key_sources.py` where a key-encryption key comes from, `key_places.py`
where all of them are kept, `keyring.py` which ones there are now; `rewrap.py` has a new one wrap what an
older one wrapped, and `rotation.py` is the whole way from one to the next, while everybody works;
`credentials.py` is the port behind which the credentials of logins are kept, `sql_credentials.py` keeps
them in `access.db`.
"""
