"""What is said on the broadcast, byte for byte: little-endian, packed, the same over TCP and WebSocket.

We send a login, registrations and answers to heartbeats; the server sends packets of 30 bytes: exchange
letter, scrip, time, type, and a body of 20 bytes that the type gives a meaning.

Source: Motilal Oswal OpenAPI, "Broadcast", and the layouts of the broker's own SDKs (Python and Java).
"""

from struct import Struct
from typing import Final, TypeAlias

import msgspec

from phalanx.domain.time import SECOND, Nanoseconds

PACKET_BYTES: Final = 30
HEARTBEAT: Final = b"1"
"""The type of a packet that wants to be answered, and says nothing of any instrument."""
CODE_CHARS_MAX: Final = 15
"""The narrower of the two places that a client code has in a login."""

_VERSION: Final = b"VER 2.0"
_LOGIN: Final = Struct("=cHB15sB30sBBBB10sBBBBB45s")
_REGISTER: Final = Struct("=cHcciB")
_ANSWER: Final = Struct("=cH").pack(HEARTBEAT, 0)
_HEAD: Final = Struct("=ciic")
_EPOCH_S: Final = 315_532_800 - 19_800
"""1980-01-01 00:00 in India, in UTC seconds: packets count from there."""


class Trade(msgspec.Struct, frozen=True, gc=False):
    """Type A: the last trade. ``volume``: of the whole day."""

    rate: float
    quantity: int
    volume: int
    average: float
    open_interest: int


class Depth(msgspec.Struct, frozen=True, gc=False):
    """Types B to F: levels 1 to 5 of the book, a packet each. A rate of 0: nobody bids, or asks."""

    bid: float
    bid_quantity: int
    bid_orders: int
    ask: float
    ask_quantity: int
    ask_orders: int


class DayRates(msgspec.Struct, frozen=True, gc=False):
    """Type G: the day so far, and the close of the day before."""

    open: float
    high: float
    low: float
    previous_close: float


class IndexRate(msgspec.Struct, frozen=True, gc=False):
    """Type H: an index; it is sent to whoever logged in."""

    rate: float


class Circuit(msgspec.Struct, frozen=True, gc=False):
    """Type W: between which prices the exchange takes orders today."""

    high: float
    low: float


class OpenInterest(msgspec.Struct, frozen=True, gc=False):
    """Type m: open contracts, and their range of the day."""

    contracts: int
    high: int
    low: int


Body: TypeAlias = Trade | Depth | DayRates | IndexRate | Circuit | OpenInterest

_DEPTH: Final = (Struct("=fihfih"), Depth)
_BODIES: Final[dict[bytes, tuple[Struct, type[Body]]]] = {
    b"A": (Struct("=fiifi"), Trade),
    **dict.fromkeys((b"B", b"C", b"D", b"E", b"F"), _DEPTH),
    b"G": (Struct("=ffff4x"), DayRates),
    b"H": (Struct("=f16x"), IndexRate),
    b"W": (Struct("=ff12x"), Circuit),
    b"m": (Struct("=iii8x"), OpenInterest),
}


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One packet. ``exchange`` and ``type`` are single bytes; ``time``: UTC ns, of whole seconds; ``body`` is
    None for a heartbeat and for a type that nobody has described.
    """

    exchange: bytes
    scrip: int
    time: Nanoseconds
    type: bytes
    body: Body | None


def decode(frame: bytes) -> Packet:
    """The packet in exactly 30 bytes, whatever they are. Rates may be anything that a float can be."""
    exchange, scrip, seconds, kind = _HEAD.unpack_from(frame)
    time = (seconds + _EPOCH_S) * SECOND
    known = _BODIES.get(kind)
    if known is None:
        return Packet(exchange, scrip, time, kind, None)
    layout, body = known
    return Packet(exchange, scrip, time, kind, body(*layout.unpack_from(frame, _HEAD.size)))


def login(code: str, *, again: bool = False) -> bytes:
    """The 114 bytes that come first. ``code``: the client code, plain ASCII; there is no token in it.
    ``again``: on a connection after the first.

    Raises ValueError for a code that is empty, too long or not ASCII.
    """
    name = code.encode("ascii", "replace")
    if not 0 < len(name) <= CODE_CHARS_MAX or not code.isascii():
        raise ValueError(f"a client code has 1 to {CODE_CHARS_MAX} plain characters")
    return _LOGIN.pack(
        b"q" if again else b"Q",
        _LOGIN.size - 3,
        *(len(name), name.ljust(15), len(name), name.ljust(30)),
        *(1, 1, 1),
        *(len(_VERSION), _VERSION.ljust(10)),
        *(0, 0, 0, 0, 1),
        b" " * 45,
    )


def register(exchange: bytes, segment: bytes, scrip: int, *, wanted: bool = True) -> bytes:
    """The 10 bytes that ask for a scrip's packets, or with ``wanted`` False for no more of them.

    ``segment``: ``C`` (cash) or ``D`` (derivatives); ``scrip``: within 32 bits.
    """
    return _REGISTER.pack(b"D", _REGISTER.size - 3, exchange, segment, scrip, wanted)


def heartbeat_answer() -> bytes:
    """The 3 bytes that answer a heartbeat."""
    return _ANSWER
