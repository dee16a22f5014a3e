"""The checklist of an account before the open."""

import msgspec
import pytest

from phalanx.brokers.port import Check
from phalanx.desk.checklist import Checklist, Surroundings
from phalanx.desk.reconciling.account_reports import AccountReport, ReadStatus
from phalanx.domain.accounts import Account, Mode
from phalanx.domain.arming import Armed
from phalanx.domain.breaks import BreakKind
from phalanx.domain.numbers import whole
from phalanx.domain.time import DAY, HOUR, MINUTE
from phalanx.engine.reconciliation.differences import Comparison, Difference, Line
from phalanx.engine.state import Book, State
from phalanx.market.feeds.port import FeedState
from tests.fakes.clock import START

AROUND = Surroundings(START, True, "broadcast", FeedState.UP, 2)
TOLD = Line("cash", 1, 1, 1, 0)


class Telling:
    """A broker with one thing to say about each login; counts how often it is asked."""

    def __init__(self, *, ok: bool = True) -> None:
        self.asked: list[str] = []
        self._ok = ok

    def checks(self, login: str) -> tuple[Check, ...]:
        self.asked.append(login)
        return (Check("token", ok=self._ok, detail=login, fix="" if self._ok else "log in"),)


class World:
    """A live account that is well, and what a test makes of it."""

    def __init__(self) -> None:
        self.account = Account("A", 1, "outer", "ann", Mode.LIVE)
        self.state = State(instruments_at=START - MINUTE)
        self.broker = Telling()
        self.closed: dict[str, str] = {}
        self.around = AROUND
        comparison = compared()
        self.report = AccountReport(
            "A", "outer", Mode.LIVE, START, ReadStatus.MATCHED, comparison=comparison
        )
        self.cash(100)

    def cash(self, rupees: int) -> None:
        book = Book(self.account.book, self.account.id, self.account.mode, whole(rupees))
        self.state.books[self.account.book] = book

    def checks(self) -> dict[str, Check]:
        brokers = {"outer": self.broker}
        checklist = Checklist(self.state, brokers, self.closed, self.around)  # type: ignore[arg-type]
        found = {one.check: one for one in checklist.checks(self.account, self.report)}
        assert all(bool(one.fix) is not one.ok for one in found.values())
        return found

    @property
    def red(self) -> list[str]:
        return [name for name, one in self.checks().items() if not one.ok]


def compared(*differences: Difference, cash: Line = TOLD) -> Comparison:
    return Comparison("A", (cash,), differences, (), (), ())


@pytest.fixture
def world() -> World:
    return World()


def test_all_is_well(world: World) -> None:
    assert list(world.checks()) == [
        *("token", "books", "funds", "instruments", "feed", "armed", "calendar")
    ]
    assert world.red == []


def test_a_broker_is_asked_once_for_all_accounts_of_a_login(world: World) -> None:
    checklist = Checklist(world.state, {"outer": world.broker}, {}, AROUND)  # type: ignore[dict-item]
    for account in ("A", "B"):
        one = msgspec.structs.replace(world.account, id=account)
        list(checklist.checks(one, world.report))

    assert world.broker.asked == ["ann"]


def test_a_login_that_is_not_up_is_red(world: World) -> None:
    world.broker = Telling(ok=False)

    assert world.red == ["token"]


def test_a_broker_that_is_not_connected_is_red(world: World) -> None:
    world.account = msgspec.structs.replace(world.account, broker="other")

    assert world.red == ["broker"]
    assert "other" in world.checks()["broker"].fix


def test_a_closed_account_says_why(world: World) -> None:
    world.closed["A"] = "no session"

    assert world.red == ["books"]
    assert world.checks()["books"].detail == "not open: no session"


def test_breaks_are_red(world: World) -> None:
    world.state.breaks_of["A"] = {"B1": None, "B2": None}

    assert world.checks()["books"].detail == "open breaks: 2"


@pytest.mark.parametrize("status", [ReadStatus.NEVER, ReadStatus.UNREAD])
def test_a_book_that_was_not_read_is_red(world: World, status: ReadStatus) -> None:
    world.report = msgspec.structs.replace(world.report, status=status)

    assert world.red == ["books"]
    assert "phalanx reconcile --account A" in world.checks()["books"].fix


def test_a_difference_that_is_no_break_yet_is_red(world: World) -> None:
    differs = Difference(BreakKind.CASH, "", "1", "2", "")
    report = AccountReport(
        "A", "outer", Mode.LIVE, START, ReadStatus.BREAKS, comparison=compared(differs)
    )
    world.report = report

    assert world.checks()["books"].detail == "differences: 1"


@pytest.mark.parametrize("rupees", [0, -5])
def test_without_funds_it_is_red(world: World, rupees: int) -> None:
    world.cash(rupees)

    assert world.red == ["funds"]
    assert world.checks()["funds"].detail == f"{rupees} INR"


def test_funds_are_not_known_before_the_book_was_read(world: World) -> None:
    world.report = msgspec.structs.replace(world.report, comparison=None)

    assert world.red == ["funds"]


def test_where_a_broker_tells_no_cash_ours_counts(world: World) -> None:
    untold = Line("cash", 1, 0, 0, 0, told=False)
    world.report = msgspec.structs.replace(world.report, comparison=compared(cash=untold))

    assert world.red == []


def test_instruments_of_yesterday_are_red(world: World) -> None:
    world.state.instruments_at = START - DAY

    assert world.red == ["instruments"]
    assert world.checks()["instruments"].detail == "2 instruments, changed 24 h ago"


@pytest.mark.parametrize(
    ("feed", "state"), [("closes", FeedState.STOPPED), ("broadcast", FeedState.STALE)]
)
def test_prices_that_are_not_the_markets_are_red(world: World, feed: str, state: FeedState) -> None:
    world.around = msgspec.structs.replace(AROUND, feed=feed, feed_state=state)

    assert world.red == ["feed"]


def test_without_a_calendar_it_is_red(world: World) -> None:
    world.around = msgspec.structs.replace(AROUND, knows_day=False)

    assert world.red == ["calendar"]


def test_whether_it_is_armed_is_only_told(world: World) -> None:
    assert world.checks()["armed"].detail == "not armed"

    world.state.armed["A"] = Armed("A", "ann", START - HOUR, START + HOUR)

    assert world.checks()["armed"].detail.startswith("until ")


def test_a_disabled_account_is_red(world: World) -> None:
    world.account = msgspec.structs.replace(world.account, enabled=False)

    assert world.red == ["books"]
    assert world.checks()["books"].detail == "the account is disabled"


def test_paper_is_not_asked_for_what_only_the_market_has(world: World) -> None:
    world.account = Account("A", 1)
    world.cash(1)
    world.state.instruments_at = 0
    world.broker = Telling(ok=False)
    checklist = Checklist(world.state, {"paper": object()}, {}, AROUND)  # type: ignore[dict-item]

    found = list(checklist.checks(world.account, world.report))

    assert [one.check for one in found] == ["books", "funds", "calendar"]
    assert all(one.ok for one in found)
