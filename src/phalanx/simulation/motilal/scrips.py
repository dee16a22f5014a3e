"""What can be traded: scrips, which are told apart by exchange and code together, never by code alone."""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

import msgspec

from phalanx.domain.numbers import BASIS_POINTS, Price, round_down, round_up

ScripKey: TypeAlias = tuple[str, int]
"""Exchange and scrip code."""

CIRCUIT_BPS = 2_000


class Segment(NamedTuple):
    """One exchange of the broker. ``number``: its own in the master files; ``letter``: its character in the
    feed, where NSE and NSEFO share one.
    """

    number: int
    letter: bytes
    is_cash: bool


SEGMENTS: Final = {
    "NSE": Segment(1, b"N", is_cash=True),
    "NSEFO": Segment(2, b"N", is_cash=False),
    "BSE": Segment(3, b"B", is_cash=True),
    "MCX": Segment(4, b"M", is_cash=False),
    "NSECD": Segment(5, b"C", is_cash=False),
    "NCDEX": Segment(6, b"D", is_cash=False),
    "BSEFO": Segment(7, b"G", is_cash=False),
}
"""Only NSEFO's number is in the broker's papers; the others are ours."""


class Scrip(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a master. ``lot``: shares in a lot; ``close``: of the last day; ``lower`` and ``upper``:
    circuits, 0 for a fifth around the close; ``expiry``: dd-MMM-yyyy or empty; ``strike``: 0 for none;
    ``series`` of cash: EQ and so on; ``option``: CE, PE or XX; ``freeze``: most shares of an order, 0: all;
    ``shown_tick``: what the master says instead of the tick, where it is wrong.
    """

    exchange: str
    code: int
    name: str
    short: str
    close: Price
    tick: Price
    lot: int = 1
    lower: Price = 0
    upper: Price = 0
    isin: str = ""
    instrument: str = ""
    expiry: str = ""
    strike: Price = 0
    series: str = "EQ"
    option: str = "XX"
    freeze: int = 0
    shown_tick: Price | None = None

    @property
    def key(self) -> ScripKey:
        """What tells it apart."""
        return self.exchange, self.code

    @property
    def segment(self) -> Segment:
        """Its exchange."""
        return SEGMENTS[self.exchange]

    @property
    def is_cash(self) -> bool:
        """Shares, not a contract."""
        return self.segment.is_cash

    @property
    def lowest(self) -> Price:
        """The lower circuit, on the tick."""
        found = self.lower or self.close * (BASIS_POINTS - CIRCUIT_BPS) // BASIS_POINTS
        return max(round_up(found, self.tick), self.tick)

    @property
    def highest(self) -> Price:
        """The upper circuit, on the tick."""
        found = self.upper or self.close * (BASIS_POINTS + CIRCUIT_BPS) // BASIS_POINTS
        return max(round_down(found, self.tick), self.tick)


class Index(NamedTuple):
    """One line of the index master."""

    exchange: str
    code: int
    name: str
    close: Price


class ScripTable:
    """Every scrip and index there is. A key that comes twice is the later one's."""

    def __init__(self, scrips: Iterable[Scrip], indices: Iterable[Index]) -> None:
        self.scrips = {scrip.key: scrip for scrip in scrips}
        self.indices = {(index.exchange, index.code): index for index in indices}

    def of_exchange(self, exchange: str) -> list[Scrip]:
        """All of one exchange, in the order in which they came."""
        return [scrip for scrip in self.scrips.values() if scrip.exchange == exchange]

    def on_feed(self, letter: bytes, kind: bytes, code: int) -> Scrip | None:
        """The scrip of a registration: a character, ``C`` for cash or ``D`` for derivatives, and the code."""
        for exchange, segment in SEGMENTS.items():
            if segment.letter == letter and segment.is_cash == (kind == b"C"):
                return self.scrips.get((exchange, code))
        return None
