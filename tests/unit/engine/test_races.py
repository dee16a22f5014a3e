"""What a broker says and what people ask for may cross on the way: the life cycle, race by race.

A script is one order's history, a word or two a step:

* ``sent``, ``ack``, ``rejected``, ``unknown``: its way to the broker and the answer;
* ``E2 3/7``: the execution with that ExecID, 3 of a total of 7 (at 100 rupees less its number);
* ``canceled/7``, ``expired/0``, ``rejected/0``: an end as reported, with the broker's total;
  ``read canceled/7``: as a complete reading of its book shows it;
* ``cancel``, ``replace 15``: asked for and sent; ``cancel waits``: asked for and not sent yet;
  ``no cancel``, ``replaced 15``, ``no replace``: the broker's answers;
* ``doubt cancel``, ``doubt replace``: that request was written and not answered;
* ``kill``, ``restart``: of the desk.
"""

from itertools import permutations
from typing import Any

import pytest

from phalanx.domain.events import Event, OrderReported
from phalanx.domain.numbers import whole
from phalanx.domain.orders import TERMINAL, ExecType, ExecutionReport, OrdStatus, RequestKind, Side
from phalanx.engine import commands as c
from phalanx.engine.state import Order
from tests.engine_world import LOCAL, World, fixed

S = OrdStatus
_ENDS = {
    "canceled": ExecType.CANCELED,
    "expired": ExecType.EXPIRED,
    "rejected": ExecType.REJECTED,
}
_SAID = {
    "ack": ExecType.NEW,
    "no cancel": ExecType.CANCEL_REJECTED,
    "no replace": ExecType.REPLACE_REJECTED,
    "rejected": ExecType.REJECTED,
}


class Race:
    """One order of ten shares at 100 rupees, and what becomes of it."""

    def __init__(self, side: Side = Side.BUY) -> None:
        self.world = World()
        self.world.account(1, "10000")
        if side is Side.SELL:
            (bought,) = self.world.order(price="100").orders
            self.world.filled(bought.cl_ord_id)
        (draft,) = self.world.order(side=side, price="100" if side is Side.BUY else "90").orders
        self.id = draft.cl_ord_id
        self.flags: list[str] = []
        self.cash = self.world.book().cash
        self.position = self.world.held("INFY")

    def run(self, *script: str) -> "Race":
        for step in script:
            for event in self._step(step):
                if isinstance(event, OrderReported) and event.flag:
                    self.flags.append(event.flag)
        return self

    @property
    def order(self) -> Order:
        return self.world.an_order(self.id)

    @property
    def outcome(self) -> str:
        """Status and what is booked, then what is missing of it: ``CANCELED 4``, ``NEW 0 of 7``."""
        order = self.order
        booked, known = order.cum_quantity // whole(1), order.known_cum // whole(1)
        return f"{order.status.name} {booked}" + (f" of {known}" if order.missing else "")

    @property
    def facts(self) -> tuple[object, ...]:
        """All that money can tell."""
        book, order = self.world.book(), self.order
        selling = {key: held.selling for key, held in book.positions.items()}
        return (
            order.status,
            order.cum_quantity,
            order.filled_value,
            book.cash,
            book.holds,
            self.world.held("INFY"),
            selling,
            book.doubts,
            book.open_orders,
        )

    def _step(self, step: str) -> list[Event]:
        match step.split():
            case ["read", end]:
                return self._end(end, complete=True)
            case ["replaced", quantity]:
                return self._report(ExecType.REPLACED, quantity=fixed(quantity))
            case [exec_id, part] if exec_id.startswith("E"):
                return self._trade(exec_id, part)
            case [end] if "/" in end:
                return self._end(end)
            case _ if step in _SAID:
                return self._report(_SAID[step])
            case _:
                self._ask(step)
                return []

    def _ask(self, step: str) -> None:
        """What the desk and its people do."""
        world, order = self.world, self.order
        match step.split():
            case ["sent"]:
                world.sent(self.id)
            case ["kill"]:
                world.do(c.PutKill(LOCAL))
            case ["restart"]:
                world.do(c.BeginTerm(world.state.epoch + 1, "0.1", "AA"))
            case ["unknown"]:
                world.do(c.BookUnknown(self.id, "time-out"))
            case ["doubt", kind]:
                request = order.replacing if kind == "replace" else order.request
                assert request is not None
                world.do(c.BookUnknown(self.id, "time-out", request.id))
            case ["cancel", "waits"]:
                world.cancel(self.id)
            case ["cancel"]:
                world.cancel(self.id)
                world.request_sent(self.id)
            case ["replace", quantity]:
                world.replace(self.id, quantity)
                world.request_sent(self.id)
            case _:
                raise AssertionError(step)

    def _trade(self, exec_id: str, part: str) -> list[Event]:
        last, cum = part.split("/")
        return self._report(
            ExecType.TRADE,
            exec_id=exec_id,
            cum_quantity=fixed(cum),
            last_quantity=fixed(last),
            last_price=whole(100 - int(exec_id[1:])),
        )

    def _end(self, end: str, *, complete: bool = False) -> list[Event]:
        how, cum = end.split("/")
        report = ExecutionReport(self.id, _ENDS[how], f"B{self.id}", cum_quantity=fixed(cum))
        return self.world.do(c.BookReport(report, complete=complete))

    def _report(self, exec_type: ExecType, **more: Any) -> list[Event]:  # noqa: ANN401
        report = ExecutionReport(self.id, exec_type, f"B{self.id}", **more)
        return self.world.do(c.BookReport(report))


RACES: dict[str, tuple[str, str, str]] = {
    # what races: (script, outcome, what a person is to see)
    "a fill before the acknowledgement": ("sent, E1 4/4, ack", "PARTIALLY_FILLED 4", ""),
    "all fills before the acknowledgement": ("sent, E1 10/10, ack", "FILLED 10", ""),
    "a cancel asked for before the acknowledgement": (
        "sent, cancel waits, E1 4/4, ack",
        "PENDING_CANCEL 4",
        "",
    ),
    "a cancel that wins": ("sent, ack, E1 4/4, cancel, canceled/4", "CANCELED 4", ""),
    "a cancel that loses to the last fill": (
        "sent, ack, cancel, E1 10/10, no cancel",
        "FILLED 10",
        "",
    ),
    "a cancel refused before the fill that beat it is told": (
        "sent, ack, cancel, no cancel, E1 10/10",
        "FILLED 10",
        "",
    ),
    "a cancel that loses to a part": (
        "sent, ack, cancel, E1 4/4, no cancel",
        "PARTIALLY_FILLED 4",
        "",
    ),
    "a fill told after the cancel that came after it": (
        "sent, ack, cancel, canceled/4, E1 4/4",
        "CANCELED 4",
        "",
    ),
    "a fill after the cancel that the cancel did not know": (
        "sent, ack, cancel, canceled/0, E1 4/4",
        "CANCELED 4",
        "LATE",
    ),
    "all of it filled after the cancel": (
        "sent, ack, cancel, canceled/0, E1 10/10",
        "FILLED 10",
        "LATE",
    ),
    "a cancel that says all is filled, before the fills": (
        "sent, ack, cancel, canceled/10, E1 4/4, E2 6/10",
        "FILLED 10",
        "",
    ),
    "a cancel that knows more than was told": (
        "sent, ack, canceled/7, E1 4/4",
        "PARTIALLY_FILLED 4 of 7",
        "",
    ),
    "one that a reading completes": (
        "sent, ack, canceled/7, E1 4/4, E2 3/7, read canceled/7",
        "CANCELED 7",
        "",
    ),
    "one that a reading contradicts": (
        "sent, ack, canceled/7, E1 4/4, read canceled/4",
        "CANCELED 4",
        "",
    ),
    "an end of an order on its way, fills unknown": ("sent, expired/4", "NEW 0 of 4", ""),
    "a rejection after the acceptance": ("sent, ack, rejected", "REJECTED 0", ""),
    "a rejection of the rest after a fill": (
        "sent, ack, E1 4/4, rejected/4",
        "REJECTED 4",
        "",
    ),
    "a rejection that knows of a fill": ("sent, ack, rejected/4, E1 4/4", "REJECTED 4", ""),
    "an acceptance after the rejection": ("sent, rejected, ack", "REJECTED 0", ""),
    "a fill after the rejection": ("sent, rejected, E1 4/4", "REJECTED 4", "LATE"),
    "expiry at the end of the session": ("sent, ack, E1 4/4, expired/4", "EXPIRED 4", ""),
    "expiry over a pending cancel": ("sent, ack, cancel, expired/0, no cancel", "EXPIRED 0", ""),
    "expiry over a pending replace": (
        "sent, ack, replace 15, expired/0, no replace",
        "EXPIRED 0",
        "",
    ),
    "an overfill": ("sent, ack, E1 12/12", "FILLED 12", "OVERFILL"),
    "an overfill in two": ("sent, ack, E1 10/10, E2 2/12", "FILLED 12", "OVERFILL"),
    "an overfill after the cancel": (
        "sent, ack, E1 8/8, cancel, canceled/8, E2 4/12",
        "FILLED 12",
        "OVERFILL",
    ),
    "the later fill first": ("sent, ack, E2 3/7, E1 4/4", "PARTIALLY_FILLED 7", ""),
    "the last fill first": ("sent, ack, E3 3/10, E1 4/4, E2 3/7", "FILLED 10", ""),
    "the last fill alone": ("sent, ack, E3 3/10", "PARTIALLY_FILLED 3 of 10", ""),
    "a total that no execution explains": (
        "sent, ack, E1 4/4, E2 3/9",
        "PARTIALLY_FILLED 7 of 9",
        "",
    ),
    "a replace up that beats the last fill": (
        "sent, ack, replace 15, replaced 15, E1 10/10",
        "PARTIALLY_FILLED 10",
        "",
    ),
    "a replace up that is told after the old quantity is filled": (
        "sent, ack, replace 15, E1 10/10, replaced 15, E2 5/15",
        "FILLED 15",
        "",
    ),
    "a replace up that loses to the last fill": (
        "sent, ack, replace 15, E1 10/10, no replace",
        "FILLED 10",
        "",
    ),
    "a fill of the new quantity before the replace is told": (
        "sent, ack, replace 15, E1 15/15, replaced 15",
        "FILLED 15",
        "",
    ),
    "a replace down that loses to more": (
        "sent, ack, E1 4/4, replace 5, E2 3/7, replaced 5",
        "FILLED 7",
        "",
    ),
    "a replace down to what is filled and not told": (
        "sent, ack, replace 5, E2 2/5, replaced 5, E1 3/3",
        "FILLED 5",
        "",
    ),
    "a replace down below what is filled and not told": (
        "sent, ack, replace 5, E2 3/7, replaced 5, E1 4/4, read canceled/7",
        "CANCELED 7",
        "",
    ),
    "a chain of replaces": (
        "sent, ack, replace 15, replaced 15, replace 20, E1 12/12, replaced 20, E2 8/20",
        "FILLED 20",
        "",
    ),
    "the echo of an earlier replace": (
        "sent, ack, replace 15, replaced 15, replace 20, replaced 15",
        "PENDING_REPLACE 0",
        "",
    ),
    "a cancel over a replace, both granted": (
        "sent, ack, replace 15, cancel, replaced 15, canceled/0",
        "CANCELED 0",
        "",
    ),
    "a cancel over a replace, told the other way round": (
        "sent, ack, replace 15, cancel, canceled/0, replaced 15",
        "CANCELED 0",
        "",
    ),
    "a cancel over a replace that was refused": (
        "sent, ack, replace 15, cancel, no replace, E1 4/4, canceled/4",
        "CANCELED 4",
        "",
    ),
    "a cancel over a replace, the cancel refused": (
        "sent, ack, replace 15, cancel, no cancel, replaced 15, E1 15/15",
        "FILLED 15",
        "",
    ),
    "a cancel over a replace, both refused": (
        "sent, ack, replace 15, cancel, no cancel, no replace",
        "NEW 0",
        "",
    ),
    "doubt, and then a fill": ("sent, unknown, E1 4/4", "PARTIALLY_FILLED 4", ""),
    "a fill, and then doubt": ("sent, E1 4/4, unknown", "PARTIALLY_FILLED 4", ""),
    "doubt, and then an end that knows of fills": (
        "sent, unknown, canceled/4, E1 4/4",
        "CANCELED 4",
        "",
    ),
    "a cancel of an order in doubt": ("sent, unknown, cancel waits", "IN_DOUBT 0", ""),
    "a cancel of an order in doubt that turns up": (
        "sent, unknown, cancel waits, ack",
        "PENDING_CANCEL 0",
        "",
    ),
    "doubt on a cancel is not the order's": (
        "sent, ack, cancel, doubt cancel, E1 4/4",
        "PENDING_CANCEL 4",
        "",
    ),
    "doubt on a cancel that was granted": (
        "sent, ack, cancel, doubt cancel, canceled/0",
        "CANCELED 0",
        "",
    ),
    "doubt on a cancel that was refused": (
        "sent, ack, cancel, doubt cancel, no cancel",
        "NEW 0",
        "",
    ),
    "doubt on a replace that was granted": (
        "sent, ack, replace 15, doubt replace, replaced 15, E1 15/15",
        "FILLED 15",
        "",
    ),
    "doubt on a replace that was refused": (
        "sent, ack, replace 15, doubt replace, no replace, E1 10/10",
        "FILLED 10",
        "",
    ),
    "doubt on a replace keeps the filled order open": (
        "sent, ack, replace 15, doubt replace, E1 10/10",
        "PENDING_REPLACE 10",
        "",
    ),
}


def _script(name: str) -> list[str]:
    return RACES[name][0].split(", ")


@pytest.mark.parametrize("name", RACES)
def test_a_race_ends_as_it_should(name: str) -> None:
    _, outcome, seen = RACES[name]

    race = Race().run(*_script(name))

    assert race.outcome == outcome
    assert set(race.flags) == set(filter(None, [seen]))
    order = race.order
    if order.status in TERMINAL:
        assert (race.world.book().holds, order.request, order.ends_as) == (0, None, None)
    else:
        assert race.world.book().holds > 0
    assert race.world.held("INFY") == order.cum_quantity
    assert race.cash - race.world.book().cash == order.filled_value


@pytest.mark.parametrize("name", [name for name in RACES if "replace" not in name])
def test_a_sell_races_like_a_buy_and_frees_nothing_early(name: str) -> None:
    _, outcome, seen = RACES[name]

    race = Race(Side.SELL).run(*_script(name))

    assert race.outcome == outcome
    assert set(race.flags) == set(filter(None, [seen]))
    order = race.order
    assert race.world.held("INFY") == race.position - order.cum_quantity
    held = race.world.book().positions.get(f"{race.world.key('INFY')}|1")
    selling = 0 if held is None else held.selling
    assert selling == order.leaves_quantity
    assert order.status in TERMINAL or selling >= order.missing


@pytest.mark.parametrize("name", RACES)
def test_a_kill_in_the_middle_changes_nothing(name: str) -> None:
    script = _script(name)
    expected = Race().run(*script).facts

    for at in range(1, len(script) + 1):
        asks = [step for step in script[at:] if step.startswith("replace ")]
        if not asks:  # a kill refuses new risk; everything else goes its way
            assert Race().run(*script[:at], "kill", *script[at:]).facts == expected, at


@pytest.mark.parametrize("name", RACES)
def test_a_restart_in_the_middle_changes_nothing(name: str) -> None:
    script = _script(name)
    expected = Race().run(*script).facts

    for at in range(2, len(script) + 1):
        # In between the order, or its request, is in doubt; what the broker says ends that.
        assert Race().run(*script[:at], "restart", *script[at:]).facts == expected, at


@pytest.mark.parametrize("name", RACES)
def test_every_report_may_come_twice(name: str) -> None:
    script = _script(name)
    expected = Race().run(*script).facts
    asked = ("sent", "cancel", "replace", "doubt", "unknown", "cancel waits")
    twice = [
        step
        for step in script
        for _ in range(1 if step.split()[0] in asked or step.startswith("no ") else 2)
    ]

    assert Race().run(*twice).facts == expected


ORDERINGS = {
    "three fills": (("E1 4/4", "E2 3/7", "E3 3/10"), "FILLED 10"),
    "fills and the acknowledgement": (("ack", "E1 4/4", "E2 3/7"), "PARTIALLY_FILLED 7"),
    "fills and the cancel": (("ack", "E1 4/4", "E2 3/7", "canceled/7"), "CANCELED 7"),
    "fills and the expiry": (("ack", "E1 4/4", "E2 3/7", "expired/7"), "EXPIRED 7"),
    "fills and the rejection of the rest": (("E1 4/4", "E2 3/7", "rejected/7"), "REJECTED 7"),
    "an overfill": (("ack", "E1 4/4", "E2 6/10", "E3 2/12"), "FILLED 12"),
}


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("name", ORDERINGS)
def test_reports_may_come_in_any_order(name: str, side: Side) -> None:
    reports, outcome = ORDERINGS[name]
    ways = [Race(side).run("sent", *way) for way in permutations(reports)]

    assert {race.outcome for race in ways} == {outcome}
    assert len({str(race.facts) for race in ways}) == 1


def test_the_answers_to_a_cancel_over_a_replace_may_come_in_any_order() -> None:
    answers = ("replaced 15", "E1 4/4", "E2 8/12", "canceled/12")
    asked = ("sent", "ack", "replace 15", "cancel")
    ways = {way: Race().run(*asked, *way) for way in permutations(answers)}

    assert {race.outcome for race in ways.values()} == {"CANCELED 12"}
    assert len({str(race.facts) for race in ways.values()}) == 1


def test_each_execution_is_booked_at_its_own_price() -> None:
    race = Race().run("sent", "ack", "E3 3/10", "E1 4/4", "E2 3/7")

    assert race.order.filled_value == whole(3 * 97 + 4 * 99 + 3 * 98)
    assert race.order.exec_ids == {"E3": whole(3), "E1": whole(4), "E2": whole(3)}


def test_without_exec_ids_the_total_alone_counts() -> None:
    race = Race().run("sent", "ack")

    def told(cum: int, price: int) -> None:
        report = ExecutionReport(
            race.id, ExecType.TRADE, "B", "", whole(cum), whole(1), whole(price)
        )
        race.world.do(c.BookReport(report))

    told(7, 99)
    told(4, 98)
    told(7, 97)
    told(10, 96)

    assert race.outcome == "FILLED 10"
    assert race.order.filled_value == whole(7 * 99 + 3 * 96)


def test_an_execution_is_never_booked_beyond_the_brokers_total() -> None:
    race = Race().run("sent", "ack", "E1 4/4", "E2 4/6")

    assert race.outcome == "PARTIALLY_FILLED 6"
    assert race.order.exec_ids == {"E1": whole(4), "E2": whole(2)}


def test_an_order_that_waits_for_executions_is_canceled_no_more() -> None:
    world = World()
    world.account(1, "10000")
    buy = world.order(price="100").orders[0].cl_ord_id
    world.accepted(buy)
    world.exit("INFY")
    world.request_sent(buy)
    end = ExecutionReport(buy, ExecType.CANCELED, f"B{buy}", cum_quantity=whole(4))
    world.do(c.BookReport(end))
    assert world.an_order(buy).ends_as is S.CANCELED
    assert world.do(c.BookReport(end)) == []

    world.report(buy, ExecType.CANCEL_REJECTED)
    assert world.an_order(buy).request is None
    fill = ExecutionReport(buy, ExecType.TRADE, f"B{buy}", "E1", whole(4), whole(4), whole(99))
    (event,) = world.do(c.BookReport(fill))

    assert isinstance(event, OrderReported)
    assert event.status is S.CANCELED
    assert [(child.side, child.quantity) for child in event.children] == [(Side.SELL, whole(4))]


def test_a_person_may_ask_for_a_cancel_while_executions_are_missing() -> None:
    race = Race().run("sent", "ack", "E2 3/7", "cancel", "no cancel")

    assert race.outcome == "PARTIALLY_FILLED 3 of 7"
    assert race.order.request is None
    race.run("E1 4/4", "canceled/7")
    assert race.outcome == "CANCELED 7"


def test_a_request_kind_is_settled_by_its_own_answer() -> None:
    race = Race().run("sent", "ack", "replace 15", "cancel", "no replace")

    request = race.order.request
    assert request is not None
    assert request.kind is RequestKind.CANCEL
    assert request.over is None
