"""What one login is configured with; nothing of it is secret."""

import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from phalanx.brokers.wire import parse_address
from phalanx.domain.accounts import AccountId

REST = "https://openapi.motilaloswal.com"
SOCKET = "wss://openapi.motilaloswal.com/ws"
REGISTERED_MAX = 2
"""The portal takes a primary and a secondary address for each app."""

_MAC = re.compile(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", re.ASCII)
_ALGO_ID = re.compile(r"[A-Za-z0-9]{0,10}", re.ASCII)
_CLIENT_CODE = re.compile(r"[A-Za-z0-9]{1,15}", re.ASCII)
_HEADER_VALUE = re.compile(r"[ -~]{0,64}", re.ASCII)


class LoginSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One login, of an investor or of a dealer.

    ``rest`` and ``socket`` are where the broker listens; ``ca`` is a file of certificates to trust
    instead of the system's. ``source`` is the address of this machine that everything leaves from, empty
    where the machine may choose; ``public_ip`` the one that the broker sees, and ``registered`` those that
    were set in its portal. ``algo_id``: the exchange wants one with every order, so without one no order is
    written. ``vendor_info``: a vendor's short name; empty: the client code. ``dealer``: every request
    names its client. ``installed_app_id``: a UUID that stays the same for the installation; empty: one is made
    of the two addresses.
    Raises ValueError for what cannot be right.
    """

    rest: str = REST
    socket: str = SOCKET
    ca: Path | None = None
    source: str = ""
    public_ip: str
    registered: tuple[str, ...]
    local_ip: str = "127.0.0.1"
    mac_address: str = "00:00:00:00:00:00"
    algo_id: str = ""
    vendor_info: str = ""
    dealer: bool = False
    installed_app_id: str = ""

    def __post_init__(self) -> None:
        parse_address(self.rest)
        socket = urlsplit(self.socket)
        if socket.scheme not in {"ws", "wss"} or not socket.hostname or "@" in socket.netloc:
            raise ValueError(f"{self.socket!r} is not of the form wss://HOST[:PORT]/PATH")
        for address in (self.public_ip, self.local_ip, *self.registered):
            ip_address(address)
        if self.source:
            ip_address(self.source)
        if not 1 <= len(self.registered) <= REGISTERED_MAX:
            raise ValueError(f"1 to {REGISTERED_MAX} addresses are registered with the broker")
        if self.public_ip not in self.registered:
            raise ValueError(f"{self.public_ip} is not registered: its orders would be refused")
        if not _MAC.fullmatch(self.mac_address):
            raise ValueError(f"{self.mac_address!r} is no MAC address")
        if not _ALGO_ID.fullmatch(self.algo_id):
            raise ValueError("an algo id has at most 10 letters and digits")
        if not all(map(_HEADER_VALUE.fullmatch, (self.vendor_info, self.installed_app_id))):
            raise ValueError("a header's value has at most 64 printable ASCII characters")


class Route(msgspec.Struct, frozen=True):
    """How an account is reached: through which login, as which client of the broker's.

    ``client_code`` is empty for the login's own client. ``trades``: it trades here; of one that will only
    once it is live nothing is reported, but its book can be read.
    """

    account: AccountId
    login: str
    client_code: str = ""
    trades: bool = True

    def asked(self, *, dealer: bool, user: str) -> str | None:
        """The code that its requests name: a dealer's login always names one, an investor's never.

        None where that cannot be: the orders would be the dealer's own, or of somebody else. ``user``: the
        login's own code, empty while nobody knows it.
        """
        if dealer:
            return self.client_code if _CLIENT_CODE.fullmatch(self.client_code) else None
        return "" if self.client_code.upper() in {"", user} or not user else None
