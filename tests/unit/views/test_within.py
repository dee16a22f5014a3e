"""A part of the book is shown as if there were nothing else: rows, pages and totals."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from phalanx.domain.events import InstructionEnded, InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import CancelDraft, ExitRequest, InstructionStatus, Skip
from phalanx.domain.orders import OrdStatus, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND
from phalanx.views.queries import Views
from phalanx.views.rows import InstructionRow, TradeStatus
from phalanx.views.within import Within
from tests.unit.views.lives import LOCAL, Lives
from tests.unit.views.records import Records, follow

BLUE = frozenset({"BLUE"})
TWO = frozenset({"NSE:0", "NSE:2"})

PARTS = {
    "one account": Within(frozenset({"A1"})),
    "two accounts": Within(frozenset({"A0", "A1"})),
    "no account": Within(frozenset()),
    "an account that there is not": Within(frozenset({"A9"})),
    "a strategy": Within(strategies=BLUE),
    "two strategies": Within(strategies=BLUE | {"RED"}),
    "an instrument": Within(instruments=frozenset({"NSE:1"})),
    "two instruments": Within(instruments=TWO),
    "all three": Within(frozenset({"A0", "A2"}), BLUE, TWO),
}
WITHIN = pytest.mark.parametrize("within", PARTS.values(), ids=PARTS.keys())
NOTHING_TO_DO = Reason(ReasonCode.NOTHING_VALID)


@pytest.fixture
def lives() -> Lives:
    return Lives()


@pytest.fixture
def source(lives: Lives) -> Records:
    """Six signals for three accounts: the first three filled, of the others one each."""
    made = Records()
    made.append(*lives.people())
    for number in range(6):
        strategy, instrument = ("RED", "BLUE")[number % 2], f"NSE:{number % 3}"
        if number < 3:
            made.append(*lives.whole_life(strategy, instrument))
        else:
            planned = lives.signal(strategy, instrument)
            filled = lives.filled(planned.orders[number - 3].cl_ord_id)
            made.append(planned, lives.dispatched(planned), filled)
    return made


@pytest.fixture
def views(path: Path, source: Records) -> Iterator[Views]:
    follow(path, source)
    found = Views(path)
    yield found
    found.close()


def is_seen(within: Within, row: Any) -> bool:  # noqa: ANN401  an order, a line, a trade
    return (
        (within.accounts is None or row.account in within.accounts)
        and (within.strategies is None or row.strategy in within.strategies)
        and (within.instruments is None or row.instrument in within.instruments)
    )


FILTERS: list[dict[str, Any]] = [
    {},
    {"account": "A1"},
    {"account": "A2"},
    {"client_id": 1},
    {"client_id": 2},
    {"instrument": "NSE:0"},
    {"client_id": 1, "instrument": "NSE:1"},
]


def lists(views: Views) -> dict[str, tuple[Callable[..., Any], list[dict[str, Any]]]]:
    by_strategy: dict[str, Any] = {"strategy": "BLUE"}
    orders = [*FILTERS, by_strategy, {"status": OrdStatus.FILLED}, {"open_only": True}]
    trades = [*FILTERS, *({"status": one} for one in TradeStatus)]
    trades += [{"status": TradeStatus.ACTIVE, "client_id": 1}]
    return {
        "orders": (views.orders, orders),
        "order log": (views.order_log, [*FILTERS, by_strategy, {"since_seq": 9}]),
        "trades": (views.trades, trades),
    }


@WITHIN
@pytest.mark.parametrize("called", ["orders", "order log", "trades"])
def test_rows_pages_and_totals(views: Views, within: Within, called: str) -> None:
    listed, filters = lists(views)[called]
    for each in filters:
        wanted = [row for row in listed(**each, limit=1_000).items if is_seen(within, row)]
        found = listed(**each, within=within, limit=1_000)
        assert list(found.items) == wanted, each
        if "since_seq" not in each:
            assert found.total == len(wanted), each
        second = listed(**each, within=within, skip=1, limit=2)
        assert (list(second.items), second.total) == (wanted[1:3], found.total), each


@WITHIN
def test_single_orders_and_trades(views: Views, within: Within) -> None:
    for order in views.orders(limit=1_000).items:
        found = views.order(order.cl_ord_id, within)
        assert found == (order if is_seen(within, order) else None)
    for trade in views.trades(limit=1_000).items:
        assert views.trade(trade.id, within) == (trade if is_seen(within, trade) else None)


@WITHIN
def test_instructions_with_what_is_seen_of_them(views: Views, within: Within) -> None:
    orders = [row for row in views.orders(limit=1_000).items if is_seen(within, row)]
    wanted = sorted({row.instruction_id for row in orders}, reverse=True)
    page = views.instructions(within=within)
    assert ([row.id for row in page.items], page.total) == (wanted, len(wanted))
    for row in page.items:
        own = [order for order in orders if order.instruction_id == row.id]
        assert (row.orders, row.filled) == (len(own), len([o for o in own if o.avg_price]))
        is_open = any(not order.ended_at_ns for order in own)
        assert row.status is (InstructionStatus.WORKING if is_open else InstructionStatus.DONE)
        tree = views.instruction(row.id, within)
        assert tree is not None
        assert sorted(one.order.cl_ord_id for one in tree.orders) == sorted(
            order.cl_ord_id for order in own
        )
        assert tree.instruction == row
    unseen = {row.id for row in views.instructions().items}.difference(wanted)
    assert all(views.instruction(one, within) is None for one in unseen)
    assert views.instructions(within=within, skip=1, limit=1).total == len(wanted)


def last(views: Views, within: Within) -> InstructionRow | None:
    found = views.instructions(within=within, limit=1).items
    return found[0] if found else None


def planned(lives: Lives, id: str, **more: Any) -> InstructionPlanned:  # noqa: ANN401  its fields
    """An instruction that places nothing."""
    event = msgspec.structs.replace(lives.signal("BLUE", "NSE:0"), instruction_id=id, orders=())
    return msgspec.structs.replace(event, **more)


def test_who_was_left_out_sees_that_and_nobody_elses(
    lives: Lives, source: Records, path: Path
) -> None:
    skips = tuple(Skip(account, NOTHING_TO_DO, "NSE:0") for account in ("A1", "A2"))
    event = planned(lives, "IAA0SKIPS", skips=skips, refusal=NOTHING_TO_DO)
    source.append(event)
    follow(path, source)
    views = Views(path)
    for within, seen in (
        (Within(frozenset({"A1"})), 1),
        (Within(frozenset({"A1", "A2"})), 2),
        (Within(frozenset({"A0"})), 0),
        (Within(strategies=BLUE), 2),
        (Within(strategies=frozenset({"RED"})), 0),
        (Within(frozenset({"A1"}), BLUE, TWO), 1),
        (Within(instruments=frozenset({"NSE:1"})), 0),
    ):
        tree = views.instruction("IAA0SKIPS", within)
        row = last(views, within)
        if not seen:
            assert tree is None
            assert row is None or row.id != "IAA0SKIPS"
            continue
        assert tree is not None
        assert row is not None
        assert len(tree.skips) == tree.instruction.skips == row.skips == seen
        assert row.id == "IAA0SKIPS"
    views.close()


def test_who_was_left_out_once_its_time_had_come(lives: Lives, source: Records, path: Path) -> None:
    skip = Skip("A1", NOTHING_TO_DO, "NSE:0")
    event = planned(lives, "IAA0LATER", skips=(skip,), refusal=NOTHING_TO_DO)
    fire_at = event.time + SECOND
    held = InstructionHeld(event.time, "IAA0LATER", LOCAL, event.request, fire_at, event.expires_at)
    source.append(held)
    source.append(event)
    follow(path, source)
    views = Views(path)
    row = last(views, Within(frozenset({"A1"})))
    assert row is not None
    assert (row.id, row.skips) == ("IAA0LATER", 1)
    row = last(views, Within(frozenset({"A2"})))
    assert row is not None
    assert row.id != "IAA0LATER"
    views.close()


def test_one_that_is_held_is_seen_by_its_maker(lives: Lives, source: Records, path: Path) -> None:
    event = planned(lives, "IAA0HELD")
    fire_at = event.time + SECOND
    source.append(
        InstructionHeld(event.time, "IAA0HELD", LOCAL, event.request, fire_at, event.expires_at)
    )
    follow(path, source)
    views = Views(path)
    for actor, is_there in (("local", True), ("ann", False)):
        within = Within(frozenset({"A1"}), actor=actor)
        assert (views.instruction("IAA0HELD", within) is not None) is is_there
        found = views.instructions(status=InstructionStatus.HELD, within=within)
        assert found.total == int(is_there)
    source.append(InstructionEnded(fire_at, "IAA0HELD", InstructionStatus.CANCELED, NOTHING_TO_DO))
    follow(path, source)
    within = Within(frozenset({"A1"}), actor="local")
    assert views.instructions(status=InstructionStatus.CANCELED, within=within).total == 1
    views.close()


def test_whose_order_it_cancels_sees_that(lives: Lives, source: Records, path: Path) -> None:
    signal = lives.signal("BLUE", "NSE:0")
    source.append(signal)
    cancels = tuple(
        CancelDraft(f"R{at}", draft.cl_ord_id, draft.book, side=Side.BUY)
        for at, draft in enumerate(signal.orders)
    )
    source.append(planned(lives, "IAA0EXIT", request=ExitRequest("NSE:0"), cancels=cancels))
    follow(path, source)
    views = Views(path)
    row = last(views, Within(frozenset({"A1"})))
    assert row is not None
    assert (row.id, row.cancels, row.orders) == ("IAA0EXIT", 1, 0)
    tree = views.instruction("IAA0EXIT", Within(frozenset({"A1"})))
    assert tree is not None
    assert [one.cl_ord_id for one in tree.cancels] == [signal.orders[1].cl_ord_id]
    views.close()
