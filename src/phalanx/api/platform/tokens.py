"""Tokens: finding them, their prices and their day, and who holds one."""

import asyncio

import msgspec

from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.instruments import SearchQuery
from phalanx.api.naming import known
from phalanx.api.platform.portfolio import held_lines
from phalanx.api.platform.shapes import Number, maybe_number, number
from phalanx.api.policy import READ_MARKET, READ_OWN
from phalanx.api.problems import Problem
from phalanx.api.reach import Reach
from phalanx.api.system import System
from phalanx.domain.instruments import Instrument, InstrumentKey
from phalanx.domain.numbers import Price, divide, multiply
from phalanx.domain.time import SECOND
from phalanx.engine.state import Book, State
from phalanx.market.quotes import is_stale

PATH = "/api/v1/tokens"


class TokenAnswer(msgspec.Struct, frozen=True):
    """A token with its day. ``id`` is ``EXCHANGE:TOKEN``; ``close_price`` that of the day before;
    ``volume`` what was traded since prices come in, 0 where they bring none. Prices are null for a
    token that has none, and where nobody told them. ``source`` says where the price comes from, ``age_s``
    how long ago it was so, and ``is_stale`` that it came live and is too old to go by.
    """

    id: str
    symbol: str
    token_id: str
    exchange: str
    instrument_type: str
    ltp: Number | None
    open_price: Number | None
    high_price: Number | None
    low_price: Number | None
    close_price: Number | None
    volume: Number
    lot_size: Number
    tick_size: Number
    is_active: bool
    is_tradeable: bool
    bid: Number | None
    ask: Number | None
    lower_circuit: Number | None
    upper_circuit: Number | None
    source: str | None
    age_s: int | None
    is_stale: bool


class Holder(msgspec.Struct, frozen=True):
    """A client that holds a token, by trade type. Null where nobody knows the cost."""

    client_id: int
    client_name: str
    trade_type: str
    quantity: Number
    avg_price: Number | None
    current_price: Number | None
    unrealized_pnl: Number | None


async def search_tokens(call: Call) -> Answer:
    """Whole names first, then by their words, then by a part of one."""
    query = call.query(SearchQuery)
    system = call.system
    local = tuple(system.desk.state.local_instruments.values())
    # An index never changes, so another thread may read it; a large one takes a while.
    find = system.finder.find
    found = await asyncio.to_thread(find, system.desk.instruments, query.q, query.limit, local)
    shown = [token_answer(system, one) for one in found]
    return await call.as_of(lambda _: shown)


async def get_token(call: Call) -> Answer:
    """One token."""
    instrument = _find(call)
    return await call.as_of(lambda _: token_answer(call.system, instrument))


async def list_holders(call: Call) -> Answer:
    """Every client that holds it, each trade type on its own."""
    instrument = _find(call)
    reach = call.reach
    return await call.as_of(lambda _: _holders(call.system, reach, instrument))


def token_answer(system: System, instrument: Instrument) -> TokenAnswer:
    """A token as it is now."""
    quote = system.quotes.get(instrument.key)
    day = system.quotes.day(instrument.key)
    now, settings = system.desk.clock.now(), system.desk.state.settings
    return TokenAnswer(
        instrument.key,
        instrument.symbol,
        instrument.token,
        instrument.exchange,
        instrument.instrument_type,
        None if quote is None else number(quote.last),
        None if day is None else number(day.open),
        None if day is None else number(day.high),
        None if day is None else number(day.low),
        None if day is None else number(day.close),
        number(0 if day is None else day.volume),
        number(instrument.lot_size),
        number(instrument.tick_size),
        is_active=True,
        is_tradeable=instrument.tradable,
        bid=None if quote is None else _told(quote.bid),
        ask=None if quote is None else _told(quote.ask),
        lower_circuit=None if quote is None else _told(quote.circuit_low),
        upper_circuit=None if quote is None else _told(quote.circuit_high),
        source=None if quote is None else quote.source.name,
        age_s=None if quote is None or not quote.time else max(0, now - quote.time) // SECOND,
        is_stale=quote is not None and is_stale(quote, now, settings.stale_after_s),
    )


def _told(price: Price) -> Number | None:
    return number(price) if price else None


def _find(call: Call) -> Instrument:
    text = call.path("token")
    try:
        return known(call.desk, text, "token")
    except Problem as problem:
        if problem.code != "UNKNOWN_INSTRUMENT":
            raise
        raise Problem("NOT_FOUND", f"no token {text}") from None


def _holders(system: System, reach: Reach, instrument: Instrument) -> list[Holder]:
    state = system.desk.state
    quote = system.quotes.get(instrument.key)
    last = None if quote is None else quote.last
    holders = []
    for client_id, books in sorted(_who_holds(state, reach, instrument.key).items()):
        for (_, product), line in held_lines(books, instrument.key).items():
            gain = None
            if last is not None and line.known:
                gain = multiply(last, line.known) - line.cost
            holders.append(
                Holder(
                    client_id,
                    state.clients[client_id].name,
                    product.name,
                    number(line.quantity),
                    number(divide(line.cost, line.known)) if line.known else None,
                    maybe_number(last),
                    maybe_number(gain),
                )
            )
    return holders


def _who_holds(state: State, reach: Reach, key: InstrumentKey) -> dict[int, list[Book]]:
    """The books within reach with a position in it, by client; only those in the mode of its primary
    account.
    """
    found: dict[int, list[Book]] = {}
    for book in state.books.values():
        if reach.has(book.account, None, key) and any(
            held.instrument == key for held in book.positions.values()
        ):
            client_id = state.accounts[book.account].client_id
            primary = state.accounts.get(state.primary_accounts.get(client_id, ""))
            if primary is not None and primary.mode is book.mode:
                found.setdefault(client_id, []).append(book)
    return found


doors: tuple[Door, ...] = (
    Door(
        "GET",
        f"{PATH}/search",
        search_tokens,
        "Find tokens",
        list[TokenAnswer],
        policy=READ_MARKET,
        tag="tokens",
        about="A bare array, best matches first.",
        query=SearchQuery,
    ),
    Door(
        "GET",
        f"{PATH}/{{token}}",
        get_token,
        "One token",
        TokenAnswer,
        policy=READ_MARKET,
        tag="tokens",
        about="By 2885, NSE:2885 or symbol.",
        problems=("NOT_FOUND", "AMBIGUOUS_TOKEN"),
    ),
    Door(
        "GET",
        f"{PATH}/{{token}}/holders",
        list_holders,
        "Who holds a token",
        list[Holder],
        policy=READ_OWN,
        tag="tokens",
        about="A bare array, by client and trade type.",
        problems=("NOT_FOUND", "AMBIGUOUS_TOKEN"),
    ),
)
