"""The wire for firing: HTTP/1.1 over warm connections, one request at a time, never sent twice.

Small on purpose (``docs/adr/0004-firing-path-is-not-httpx.md``): no redirects, cookies, compression,
proxies and retries. Logins, books and reports are not in such a hurry and go through httpx.
"""

from phalanx.brokers.wire.address import Address, parse_address
from phalanx.brokers.wire.answer import Answer
from phalanx.brokers.wire.connection import UNREACHABLE
from phalanx.brokers.wire.dialer import Dialer
from phalanx.brokers.wire.pool import Pool
from phalanx.brokers.wire.requests import RequestHead
from phalanx.brokers.wire.timeouts import Timeouts

__all__ = [
    "UNREACHABLE",
    "Address",
    "Answer",
    "Dialer",
    "Pool",
    "RequestHead",
    "Timeouts",
    "parse_address",
]
