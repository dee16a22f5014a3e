"""Instructions that wait for their time, and what else comes with the later kinds, as views show it."""

from pathlib import Path

import pytest

from phalanx.domain.events import (
    FillOrdered,
    InstructionHeld,
    InstructionPlanned,
    OrderEnded,
    OrderFlagged,
)
from phalanx.domain.instructions import (
    CancelDraft,
    CancelRestRequest,
    FollowUp,
    InstructionStatus,
    OrderRequest,
    Skip,
)
from phalanx.domain.orders import OrderDraft, OrdStatus, OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.views.queries import Views
from phalanx.views.rows import InstructionRow, LogEntry, TradeStatus
from phalanx.views.schema import open_for_writing
from tests.engine_world import LOCAL, fixed
from tests.unit.views.lives import START, Lives
from tests.unit.views.records import Records, follow
from tests.unit.views.watched import Watched

REQUEST = OrderRequest(1, "A1", "INFY", Side.BUY, Product.DELIVERY, OrdType.LIMIT, 10, 100)


def hold(watched: Watched, seconds: int = 60) -> InstructionHeld:
    world = watched.world
    request = OrderRequest(
        1, "A1", "INFY", Side.BUY, Product.DELIVERY, OrdType.LIMIT, fixed("10"), fixed("99")
    )
    fire_at = world.now + seconds * SECOND
    return world.one(
        c.Submit(LOCAL, request, "later", expires_s=30, fire_at=fire_at), InstructionHeld
    )


def row(watched: Watched, instruction: str) -> InstructionRow:
    return watched.tree(instruction).instruction


def test_an_instruction_is_held_until_its_time(watched: Watched) -> None:
    held = hold(watched)

    found = row(watched, held.instruction_id)

    assert (found.status, found.ended_at_ns) == (InstructionStatus.HELD, 0)
    assert (found.fire_at_ns, found.planned_at_ns) == (held.fire_at, held.time)
    assert (found.note, found.kind, found.orders) == ("later", "order", 0)
    assert watched.views.instructions(status=InstructionStatus.HELD).total == 1
    assert (found.parent, found.follow_up) == ("", "")


@pytest.mark.parametrize("reopened", [False, True], ids=["same process", "another process"])
def test_its_plan_is_under_the_same_id(watched: Watched, reopened: bool) -> None:
    world = watched.world
    held = hold(watched)
    if reopened:
        # Another process follows from here on.
        assert row(watched, held.instruction_id).status is InstructionStatus.HELD
    first_seq = world.state.seq
    world.wait(61)
    planned = world.one(c.Release(held.instruction_id), InstructionPlanned)

    found = row(watched, held.instruction_id)

    assert (found.status, found.orders, found.seq) == (InstructionStatus.WORKING, 1, first_seq)
    assert (found.planned_at_ns, found.expires_at_ns) == (planned.time, planned.expires_at)
    assert found.fire_at_ns == held.fire_at
    views = watched.views
    assert views.instructions().total == 1
    assert views.instructions(status=InstructionStatus.HELD).total == 0
    assert views.instructions(status=InstructionStatus.WORKING).total == 1
    assert [one.cl_ord_id for one in views.orders(instruction=held.instruction_id).items] == [
        planned.orders[0].cl_ord_id
    ]


def test_a_held_plan_keeps_its_skips(watched: Watched) -> None:
    world = watched.world
    held = hold(watched)
    world.do(c.PutKill(LOCAL))
    world.wait(61)
    planned = world.one(c.Release(held.instruction_id), InstructionPlanned)
    assert [skip.reason.code for skip in planned.skips] == [ReasonCode.KILL_ALL]

    tree = watched.tree(held.instruction_id)

    assert tree.instruction.status is InstructionStatus.REJECTED
    assert [skip.reason_code for skip in tree.skips] == ["KILL_ALL"]
    assert tree.instruction.skips == 1


def test_one_that_is_too_late_expires(watched: Watched) -> None:
    held = hold(watched)
    watched.world.wait(100)
    watched.world.do(c.Release(held.instruction_id))

    found = row(watched, held.instruction_id)

    assert found.status is InstructionStatus.EXPIRED
    assert found.refusal_code == "INSTRUCTION_EXPIRED"
    assert found.ended_at_ns == watched.world.now
    assert watched.views.instructions(status=InstructionStatus.EXPIRED).total == 1


def test_one_that_is_canceled_never_fires(watched: Watched) -> None:
    held = hold(watched)
    request = CancelRestRequest(held.instruction_id)
    canceled = watched.world.do(
        c.Submit(LOCAL, request, parent=held.instruction_id, follow_up=FollowUp.CANCEL)
    )[0]
    assert isinstance(canceled, InstructionPlanned)

    found = row(watched, held.instruction_id)
    cancel = row(watched, canceled.instruction_id)

    assert (found.status, found.refusal_code) == (InstructionStatus.CANCELED, "HELD_CANCELED")
    assert (cancel.status, cancel.kind) == (InstructionStatus.DONE, "cancel")
    assert (cancel.parent, cancel.follow_up) == (held.instruction_id, "cancel")
    assert cancel.ended_at_ns == canceled.time


def drafted(cl_ord_id: str, side: Side = Side.BUY, row: int = 0) -> OrderDraft:
    return OrderDraft(
        *(cl_ord_id, "A1/P", "NSE:1", side, Product.DELIVERY, OrdType.STOP, TimeInForce.DAY),
        *(fixed("10"), fixed("101"), 0),
        stop_price=fixed("100"),
        row=row,
    )


def test_rows_of_a_basket_are_numbered(path: Path) -> None:
    lives, source = Lives(2), Records()
    source.append(*lives.people())
    planned = lives.signal()
    skip = Skip("A1", Reason(ReasonCode.NO_PRICE, ("INFY",)), "NSE:1", 7)
    plan = InstructionPlanned(
        *(START, "I9", LOCAL, REQUEST, START, planned.instruments),
        orders=(drafted("S1", row=3),),
        skips=(skip, Skip("A1", Reason(ReasonCode.KILL_ALL))),
    )
    source.append(plan)
    follow(path, source)
    views = Views(path)

    tree = views.instruction("I9")

    assert tree is not None
    assert [(one.instrument, one.symbol, one.row) for one in tree.skips] == [
        ("NSE:1", "1", 7),
        ("", "", 0),
    ]
    order = tree.orders[0].order
    assert (order.row, order.stop_price) == (3, fixed("100"))
    views.close()


def test_what_the_end_of_a_sell_gave_free_is_placed(path: Path) -> None:
    lives, source = Lives(2), Records()
    source.append(*lives.people())
    source.append(InstructionPlanned(START, "I1", LOCAL, REQUEST, START, (), (drafted("S1"),)))
    cancel = CancelDraft("R1", "S1", "A1/P")
    source.append(InstructionPlanned(START, "I2", LOCAL, REQUEST, START, cancels=(cancel,)))
    reason = Reason(ReasonCode.INSTRUCTION_EXPIRED)
    child = drafted("S2", Side.SELL)
    source.append(OrderEnded(START + 5, "S1", OrdStatus.EXPIRED, reason, (child,)))
    follow(path, source)
    views = Views(path)

    tree = views.instruction("I2")

    assert tree is not None
    assert [one.order.cl_ord_id for one in tree.orders] == ["S2"]
    assert tree.instruction.status is InstructionStatus.WORKING
    assert (tree.instruction.orders, tree.instruction.open_orders) == (1, 1)
    assert views.instructions(status=InstructionStatus.WORKING).total == 1
    views.close()


def test_flags_and_fills_by_hand_are_logged(path: Path) -> None:
    lives, source = Lives(2), Records()
    source.append(*lives.people())
    source.append(InstructionPlanned(START, "I1", LOCAL, REQUEST, START, (), (drafted("S1"),)))
    source.append(
        OrderFlagged(START + 1, "S1", "UNFILLED", "not filled within 30 s"),
        FillOrdered(START + 2, LOCAL, "S1", fixed("4"), fixed("100.5"), "H1"),
    )
    follow(path, source)
    views = Views(path)

    order = views.order("S1")
    lines = views.order_log().items

    assert order is not None
    assert (order.flag, order.updated_at_ns) == ("UNFILLED", START + 1)
    assert [(line.entry, line.text) for line in lines[:2]] == [
        (LogEntry.BY_HAND, "by local"),
        (LogEntry.FLAGGED, "UNFILLED: not filled within 30 s"),
    ]
    assert (lines[0].quantity, lines[0].price) == (fixed("4"), fixed("100.5"))
    assert views.trades(status=TradeStatus.PENDING).total == 1
    views.close()


def test_views_of_an_earlier_shape_are_built_anew(watched: Watched) -> None:
    hold(watched)
    assert watched.views.instructions().total == 1
    connection = open_for_writing(watched._path)
    connection.pragma("user_version", 1)
    connection.close()

    assert watched.views.instructions().total == 1
