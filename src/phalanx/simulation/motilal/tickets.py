"""What an order or a change asks for, read strictly: the first thing that is wrong names the refusal."""

import re
from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final

import msgspec

from phalanx.domain.numbers import Price
from phalanx.domain.time import Nanoseconds
from phalanx.simulation.motilal.amounts import fixed
from phalanx.simulation.motilal.moments import day_of, today
from phalanx.simulation.motilal.refusals import Refused
from phalanx.simulation.motilal.scrips import SEGMENTS, Scrip, ScripTable

TAG_MAX: Final = 10
ALGO_MAX: Final = 10
PARTICIPANT_MAX: Final = 20
LOTS_MAX: Final = 10_000_000

_TAG: Final = re.compile(r"[A-Za-z0-9 ]*")


class Side(StrEnum):
    """As the order stream writes it; the books write it small."""

    BUY = "BUY"
    SELL = "SELL"


class Kind(StrEnum):
    """MARKET is a kind that no order may have."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOPLOSS = "STOPLOSS"


class Product(StrEnum):
    """Written in any case by whoever asks."""

    NORMAL = "NORMAL"
    DELIVERY = "DELIVERY"
    VALUEPLUS = "VALUEPLUS"
    SELLFROMDP = "SELLFROMDP"
    BTST = "BTST"
    MTF = "MTF"


class Duration(StrEnum):
    """How long an order stands."""

    DAY = "DAY"
    GTC = "GTC"
    GTD = "GTD"
    IOC = "IOC"


OF_CONTRACTS: Final = frozenset({Product.NORMAL, Product.VALUEPLUS})
"""Shares only: everything else."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What may change of an order. Quantities are shares, whatever came in."""

    kind: Kind
    duration: Duration
    price: Price
    trigger: Price
    quantity: int
    disclosed: int
    until: str


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """One order as it was asked for."""

    client: str
    initiator: str
    scrip: Scrip
    side: Side
    product: Product
    terms: Terms
    is_amo: bool
    algo: str
    tag: str
    participant: str


class Reader:
    """Reads orders and changes. ``carrying``: exchanges that take GTC; ``stop_market``: STOPLOSS without a
    price is taken.
    """

    def __init__(
        self, table: ScripTable, carrying: Collection[str], *, stop_market: bool = True
    ) -> None:
        self._table = table
        self._carrying = carrying
        self._stop_market = stop_market

    def ticket(self, body: dict[str, Any], client: str, initiator: str, now: Nanoseconds) -> Ticket:
        """An order. Raises Refused."""
        scrip = self.scrip(body.get("exchange"), body.get("symboltoken"))
        side = _member(Side, body.get("buyorsell"), "MO1052")
        kind = _member(Kind, body.get("ordertype") or Kind.LIMIT, "MO1053")
        product = self.product(body.get("producttype"), scrip)
        duration = _member(Duration, body.get("orderduration"), "MO1054")
        amo = str(body.get("amoorder"))
        if amo not in {"Y", "N"}:
            raise Refused("MO1061")
        terms = Terms(
            kind=kind,
            duration=duration,
            price=_price(body.get("price"), "MO1083"),
            trigger=_price(body.get("triggerprice", 0), "MO1076"),
            quantity=_quantity(body.get("quantityinlot"), scrip),
            disclosed=_whole(body.get("disclosedquantity", 0), "MO1056"),
            until=str(body.get("goodtilldate") or ""),
        )
        self._check(terms, scrip, side, now)
        return Ticket(
            client=client,
            initiator=initiator,
            scrip=scrip,
            side=side,
            product=product,
            terms=terms,
            is_amo=amo == "Y",
            algo=_text(body.get("algoid", ""), ALGO_MAX, "MO1064"),
            tag=_tag(body.get("tag", "")),
            participant=_text(body.get("participantcode", ""), PARTICIPANT_MAX, "MO1102"),
        )

    def change(self, body: dict[str, Any], ticket: Ticket, traded: int, now: Nanoseconds) -> Terms:
        """New terms of a standing order, of which so many shares are traded. Raises Refused."""
        quantity = _quantity(body.get("newquantityinlot"), ticket.scrip)
        if quantity <= traded:
            raise Refused("MO1055")
        terms = Terms(
            kind=_member(Kind, body.get("newordertype"), "MO1053"),
            duration=_member(Duration, body.get("neworderduration"), "MO1054"),
            price=_price(body.get("newprice"), "MO1083"),
            trigger=_price(body.get("newtriggerprice", 0), "MO1076"),
            quantity=quantity,
            disclosed=_whole(body.get("newdisclosedquantity", 0), "MO1056"),
            until=str(body.get("newgoodtilldate") or ""),
        )
        self._check(terms, ticket.scrip, ticket.side, now)
        return terms

    def scrip(self, exchange: object, code: object) -> Scrip:
        """The scrip that is meant; its code has to be a number. Raises Refused."""
        if not isinstance(exchange, str) or exchange not in SEGMENTS:
            raise Refused("MO1051")
        if isinstance(code, bool) or not isinstance(code, int):
            raise Refused("MO1058")
        found = self._table.scrips.get((exchange, code))
        if found is None:
            raise Refused("MO1058")
        return found

    def product(self, told: object, scrip: Scrip) -> Product:
        """The product that is meant, if the scrip can be had as it. Raises Refused."""
        found: Product = _member(Product, told.upper() if isinstance(told, str) else told, "MO1057")
        if not scrip.is_cash and found not in OF_CONTRACTS:
            raise Refused("MO1084")
        return found

    def _check(self, terms: Terms, scrip: Scrip, side: Side, now: Nanoseconds) -> None:
        """What has to fit together."""
        if terms.kind is Kind.MARKET:
            raise Refused("M01108")
        self._check_disclosed(terms, scrip)
        self._check_duration(terms, scrip, now)
        if terms.kind is Kind.STOPLOSS:
            self._check_trigger(terms, scrip, side)
        elif terms.trigger:
            raise Refused("MO1079")
        elif not terms.price:
            raise Refused("MO1083")
        if terms.price and terms.price < scrip.lowest:
            raise Refused("MO1073")
        if terms.price > scrip.highest:
            raise Refused("MO1074")

    def _check_disclosed(self, terms: Terms, scrip: Scrip) -> None:
        if not terms.disclosed:
            return
        if not scrip.is_cash:
            raise Refused("MO1082")
        if terms.duration is Duration.IOC:
            raise Refused("MO1071")
        if terms.disclosed > terms.quantity:
            raise Refused("MO1056")

    def _check_duration(self, terms: Terms, scrip: Scrip, now: Nanoseconds) -> None:
        if terms.duration is Duration.GTC and scrip.exchange not in self._carrying:
            raise Refused("MO1086")
        if terms.duration is Duration.GTD:
            if not terms.until:
                raise Refused("MO1085")
            day = day_of(terms.until)
            if day is None or day < today(now):
                raise Refused("MO1063")

    def _check_trigger(self, terms: Terms, scrip: Scrip, side: Side) -> None:
        if not terms.price and not self._stop_market:
            raise Refused("M01108")
        if not terms.trigger:
            raise Refused("MO1075")
        if not scrip.lowest <= terms.trigger <= scrip.highest:
            raise Refused("MO1076")
        if terms.price and side is Side.BUY and terms.trigger >= terms.price:
            raise Refused("MO1077")
        if terms.price and side is Side.SELL and terms.trigger <= terms.price:
            raise Refused("MO1078")


def _member(kind: Any, value: object, code: str) -> Any:  # noqa: ANN401  an enum, and one of it
    try:
        return kind(value)
    except ValueError:
        raise Refused(code) from None


def _whole(value: object, code: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Refused(code)
    return value


def _quantity(lots: object, scrip: Scrip) -> int:
    """Lots as shares."""
    found = _whole(lots, "MO1055")
    if not 0 < found <= LOTS_MAX:
        raise Refused("MO1055")
    return found * scrip.lot


def _price(value: object, code: str) -> Price:
    found = fixed(value)
    if found is None or found < 0:
        raise Refused(code)
    return found


def _text(value: object, length_max: int, code: str) -> str:
    if not isinstance(value, str) or len(value) > length_max:
        raise Refused(code)
    return value


def _tag(value: object) -> str:
    found = _text(value, TAG_MAX, "MO1080")
    if _TAG.fullmatch(found) is None:
        raise Refused("MO1081")
    return found
