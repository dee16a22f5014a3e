from collections.abc import Callable
from typing import get_args

import msgspec
import pytest

from phalanx.domain.events import Event
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, Product, Side
from phalanx.domain.strategies import Sizing, SizingRule
from phalanx.engine.apply import _APPLIERS, apply
from phalanx.engine.commands import Command
from phalanx.engine.decide import _DECIDERS
from phalanx.engine.snapshot import decode_state, encode_state, state_hash
from phalanx.engine.state import State, position_key
from tests.engine_world import World, replayed


@pytest.fixture
def world() -> World:
    """Some of everything: works, doubts, requests, lots that close, kills, keys."""
    world = World()
    ten = SizingRule(Sizing.FIXED_QUANTITY, whole(10))
    for client in (1, 2):
        account = world.account(client, charge_bps=12)
        world.subscribe(account, "RED", "INFY", sizing=ten)
    planned = world.signal("RED", "INFY", Side.BUY)
    first, second = (draft.cl_ord_id for draft in planned.orders)
    world.filled(first, "4")
    world.unknown(second)
    world.signal("RED", "INFY", Side.SELL)
    (other,) = world.order(instrument="ACC", price="99").orders
    world.accepted(other.cl_ord_id)
    world.replace(other.cl_ord_id, "12")
    return world


def test_every_command_has_a_decider_and_every_event_an_applier() -> None:
    assert set(_DECIDERS) == set(get_args(Command))
    assert set(_APPLIERS) == set(get_args(Event))


def test_every_event_is_counted(world: World) -> None:
    assert world.state.seq == len(world.journal)
    assert world.state.time == world.journal[-1].time


def test_the_clock_of_the_state_never_goes_back(world: World) -> None:
    latest = world.state.time
    world.now -= 10**12

    world.account(3)

    assert world.state.time == latest


def test_a_replay_leads_to_the_same_hash(world: World) -> None:
    assert state_hash(replayed(world.journal)) == state_hash(world.state)


@pytest.mark.parametrize("kept", [0, 1, 5, 12, -1])
def test_a_snapshot_and_its_tail_lead_to_the_same_hash(world: World, kept: int) -> None:
    state = decode_state(encode_state(replayed(world.journal[:kept])))

    for event in world.journal[kept:]:
        apply(state, event)

    assert state_hash(state) == state_hash(world.state)


def test_a_snapshot_keeps_the_order_of_the_lots() -> None:
    world = World()
    world.account(1)
    made = []
    for quantity in ["3", "2", "1"]:
        (draft,) = world.order(quantity=quantity).orders
        world.filled(draft.cl_ord_id)
        made.append(draft.cl_ord_id)

    copy = decode_state(encode_state(world.state))

    assert list(copy.books["A1/P"].lots["NSE:6"]) == made


CHANGES: list[Callable[[State], object]] = [
    lambda s: setattr(s, "seq", s.seq + 1),
    lambda s: setattr(s, "next_order", 0),
    lambda s: setattr(s.books["A1/P"], "cash", 1),
    lambda s: s.books["A1/P"].doubts.update(X=1),
    lambda s: setattr(next(iter(s.orders.values())), "charges", 1),
    lambda s: s.orders.update({k: s.orders.pop(k) for k in list(s.orders)[:1]}),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_any_difference_shows_in_the_hash(world: World, number: int) -> None:
    copy = decode_state(encode_state(world.state))
    assert state_hash(copy) == state_hash(world.state)

    CHANGES[number](copy)

    assert state_hash(copy) != state_hash(world.state)


@pytest.mark.parametrize("blob", [b"", b"\x80\x80", b"\xc0", b"\x90", b"{}"])
def test_what_is_no_snapshot_is_not_read(blob: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_state(blob)


def test_memory_follows_what_is_open() -> None:
    world = World()
    world.account(1)
    for n in range(1, 40):
        (buy,) = world.order(quantity=f"{n}").orders
        world.filled(buy.cl_ord_id)
        (sell,) = world.order(Side.SELL, quantity=f"{n}").orders
        world.filled(sell.cl_ord_id)
    book = world.book()

    assert (book.positions, book.lots, book.doubts) == ({}, {}, {})
    assert (book.holds, book.open_orders) == (0, 0)


def test_looking_at_a_state(world: World) -> None:
    state = world.state
    first = next(iter(state.orders.values()))

    assert state.order(first.draft.cl_ord_id) is first
    assert state.book_of(first).id == first.draft.book
    assert position_key("NSE:6", Product.MTF) == "NSE:6|3"
    position = state.books["A1/P"].positions[position_key("NSE:6", Product.DELIVERY)]
    assert (position.quantity, position.selling, position.sellable) == (whole(4), whole(4), 0)
    world.report(first.draft.cl_ord_id, ExecType.CANCELED)
    assert first.leaves_quantity == 0
    assert first not in list(state.open_orders())
