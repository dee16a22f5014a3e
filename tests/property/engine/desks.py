"""Small desks drawn by hypothesis: odd stocks, clients with several accounts, things held already."""

import msgspec
from hypothesis import strategies as st

from phalanx.domain.accounts import Account, Client
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import SCALE
from phalanx.domain.orders import Product
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, START, World, fixed, stock

_PRICES = ["0.5", "9.95", "99.95", "100", "1234.55", "6000"]
_CASH = [0, 10**9 + 1, 5_000 * SCALE, 40_000 * SCALE + 7]
_MORE = st.integers(0, 5_000 * SCALE)
_KINDS = [("1", "0.05"), ("25", "0.05"), ("0.001", "0.01"), ("0.00000001", "0.0001")]


@st.composite
def instruments(draw: st.DrawFn, most: int = 6) -> list[Instrument]:
    """Some of them are the same stock on another exchange, by ISIN or by symbol."""
    found = []
    for number in range(1, draw(st.integers(1, most)) + 1):
        lot, tick = draw(st.sampled_from(_KINDS))
        exchange = draw(st.sampled_from(["NSE", "BSE"]))
        twin = draw(st.sampled_from([number, number, 0]))
        one = stock(str(number), f"S{twin}", lot=lot, tick=tick)
        freeze = draw(st.sampled_from([0, 0, 60])) * SCALE
        found.append(
            msgspec.structs.replace(
                one,
                key=f"{exchange}:{number}",
                exchange=exchange,
                isin=draw(st.sampled_from(["", "", f"X{number}", "X0"])),
                freeze_quantity=freeze,
            )
        )
    return found


@st.composite
def desks(draw: st.DrawFn) -> World:
    """Up to three clients with one or two accounts each, some of which hold some of the stocks."""
    world = World(draw(instruments()))
    for instrument in world.index:
        world.price(instrument.key, draw(st.sampled_from(_PRICES)))
    clients = range(1, draw(st.integers(1, 3)) + 1)
    accounts = [
        draw(accounts_of(client, suffix))
        for client in clients
        for suffix in ["", "-second"][: draw(st.integers(1, 2))]
    ]
    cash = [(account.book, draw(st.sampled_from(_CASH)) + draw(_MORE), "") for account in accounts]
    world.do(
        c.PutReference(
            LOCAL,
            tuple(Client(client, f"Client {client}") for client in clients),
            tuple(accounts),
            cash=tuple(one for one in cash if one[1]),
        )
    )
    world.do(c.AdoptLots(LOCAL, tuple(draw(lots_of(world, accounts)))))
    return world


@st.composite
def accounts_of(draw: st.DrawFn, client: int, suffix: str) -> Account:
    """One account of a client; it is the primary one when it has no suffix."""
    return Account(
        f"A{client}{suffix}",
        client,
        primary=not suffix,
        charge_bps=draw(st.sampled_from([0, 7, 12, 103])),
        reserve=draw(st.sampled_from([0, fixed("99.5")])),
    )


@st.composite
def lots_of(draw: st.DrawFn, world: World, accounts: list[Account]) -> list[c.AdoptedLot]:
    """What some of them hold."""
    found = []
    for _ in range(draw(st.integers(0, 3))):
        instrument = draw(st.sampled_from(list(world.index)))
        quantity = draw(st.integers(1, 40)) * instrument.lot_size
        product = draw(st.sampled_from([Product.DELIVERY, Product.MTF]))
        book = draw(st.sampled_from(accounts)).book
        found.append(c.AdoptedLot(book, instrument.key, product, quantity, None, START))
    return found
