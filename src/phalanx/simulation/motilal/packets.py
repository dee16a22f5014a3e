"""The broadcast feed's bytes: packets of 30 that carry prices, and the three frames that a client sends.

Little-endian and packed, over WebSocket and TCP alike; rates are 32-bit floats of rupees.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from phalanx.domain.time import Nanoseconds
from phalanx.simulation.motilal.amounts import single
from phalanx.simulation.motilal.moments import feed_seconds
from phalanx.simulation.motilal.prices import DEPTH, IndexQuote, Quote
from phalanx.simulation.motilal.scrips import SEGMENTS

PACKET_BYTES: Final = 30
QUANTITY_MAX: Final = 2**31 - 1
ORDERS_SHOWN: Final = 7
OPEN_LOTS: Final = 1_000
BUFFER_BYTES_MAX: Final = 64 << 10

HEARTBEAT: Final = b"1"
LOGIN: Final = (b"Q", b"q")
REGISTER: Final = b"D"

_HEAD: Final = struct.Struct("<cii1s20s")
_FRAME: Final = struct.Struct("<cH")
_TRADE: Final = struct.Struct("<fiifi")
_DEPTH: Final = struct.Struct("<fihfih")
_DAY: Final = struct.Struct("<ffff4x")
_INDEX: Final = struct.Struct("<f16x")
_CIRCUITS: Final = struct.Struct("<ff12x")
_INTEREST: Final = struct.Struct("<iii8x")
_REGISTER: Final = struct.Struct("<cciB")
_LOGIN_BODY: Final = struct.Struct("<B15sB30sBBBB10sBBBBB45s")

LOGIN_BODY_BYTES: Final = _LOGIN_BODY.size
"""111: what the frame's own length field has to say."""

_NOBODY_KNOWS: Final = bytes(range(20))


class Frame(NamedTuple):
    """One frame of a client: its type, and what follows the length."""

    type: bytes
    body: bytes


class Registration(NamedTuple):
    """Which scrip a client wants to hear of, or no more. ``kind``: C for cash, D for derivatives."""

    letter: bytes
    kind: bytes
    code: int
    is_wanted: bool


class FrameReader:
    """Client frames out of a stream of bytes, cut wherever it was cut."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole by now. Raises ValueError where there is no frame, or too much of one."""
        self._buffer += data
        if len(self._buffer) > BUFFER_BYTES_MAX:
            raise ValueError("too many bytes at once")
        while len(self._buffer) >= _FRAME.size:
            kind, length = _FRAME.unpack_from(self._buffer)
            expected = _length(kind)
            if length != expected:
                raise ValueError(f"a frame {kind!r} of {length} bytes")
            end = _FRAME.size + length
            if len(self._buffer) < end:
                return
            frame = Frame(kind, self._buffer[_FRAME.size : end])
            self._buffer = self._buffer[end:]
            yield frame


def _length(kind: bytes) -> int:
    if kind in LOGIN:
        return LOGIN_BODY_BYTES
    return {REGISTER: _REGISTER.size, HEARTBEAT: 0}.get(kind, -1)


def client_of(body: bytes) -> str:
    """The client code of a login, which comes twice. Raises ValueError where the two differ."""
    length, short, again, long, *_ = _LOGIN_BODY.unpack(body)
    first, second = short[:length], long[:again]
    if first != second or not first:
        raise ValueError("a login with two client codes")
    return str(first.decode("ascii"))


def registration_of(body: bytes) -> Registration:
    """What a register frame asks for."""
    letter, kind, code, wanted = _REGISTER.unpack(body)
    return Registration(letter, kind, code, wanted == 1)


def heartbeat(now: Nanoseconds) -> bytes:
    """The packet that a client answers with three bytes."""
    return _HEAD.pack(b"N", 0, feed_seconds(now), HEARTBEAT, bytes(20))


def snapshot(quote: Quote, now: Nanoseconds) -> bytes:
    """All there is to say of a scrip: circuits, the day, something unexplained, the last trade, depth."""
    scrip = quote.scrip
    circuits = _CIRCUITS.pack(single(scrip.highest), single(scrip.lowest))
    odd = _packet(quote, now, b"X", _NOBODY_KNOWS)
    told = _packet(quote, now, b"W", circuits) + _day(quote, now) + odd
    if not scrip.is_cash:
        interest = _interest(quote)
        told += _packet(quote, now, b"m", _INTEREST.pack(interest, interest, interest))
    return told + update(quote, now)


def update(quote: Quote, now: Nanoseconds) -> bytes:
    """What a move or a trade changes: the last trade, and five levels of depth."""
    trade = _TRADE.pack(
        single(quote.ltp),
        quote.last_quantity,
        min(quote.volume, QUANTITY_MAX),
        single(quote.average),
        _interest(quote),
    )
    packets = [_packet(quote, now, b"A", trade)]
    tick, lot = quote.scrip.tick, quote.scrip.lot
    for level in range(DEPTH):
        body = _DEPTH.pack(
            single(max(quote.bid - level * tick, 0)),
            (level + 1) * 100 * lot,
            ORDERS_SHOWN + level,
            single(quote.ask + level * tick),
            (level + 1) * 120 * lot,
            ORDERS_SHOWN + level,
        )
        packets.append(_packet(quote, now, bytes([ord("B") + level]), body))
    return b"".join(packets)


def index(quote: IndexQuote, now: Nanoseconds) -> bytes:
    """One index, under its exchange's letter."""
    body = _INDEX.pack(single(quote.ltp))
    letter = SEGMENTS[quote.index.exchange].letter
    return _HEAD.pack(letter, quote.index.code, feed_seconds(now), b"H", body)


def _interest(quote: Quote) -> int:
    """Open contracts, in shares: of the same number all day, for nobody reports them here."""
    return 0 if quote.scrip.is_cash else quote.scrip.lot * OPEN_LOTS


def _day(quote: Quote, now: Nanoseconds) -> bytes:
    close = quote.scrip.close
    rates = (single(rate) for rate in (quote.open, quote.high, quote.low, close))
    return _packet(quote, now, b"G", _DAY.pack(*rates))


def _packet(quote: Quote, now: Nanoseconds, kind: bytes, body: bytes) -> bytes:
    scrip = quote.scrip
    return _HEAD.pack(scrip.segment.letter, scrip.code, feed_seconds(now), kind, body)
