"""Breaks are filed, taken, closed, and bounded."""

import pytest

from phalanx.domain.breaks import Break, BreakEnd, BreakKind
from phalanx.domain.events import BreakClosed, BreakFiled, BreakTaken
from phalanx.domain.instructions import DESK_ORIGIN, Door, Origin
from phalanx.domain.orders import Side
from phalanx.domain.time import DAY, SECOND
from phalanx.engine import commands as c
from phalanx.engine.apply import reconciliation
from phalanx.engine.idempotency import first_use
from phalanx.engine.ids import new_break_id, new_cl_ord_id
from phalanx.engine.reconciliation import breaks
from phalanx.engine.refused import Refused
from tests.engine_broker import Shown
from tests.engine_world import LOCAL, World


@pytest.fixture
def found(world: World, broker: Shown) -> Break:
    """One open break: a rupee more at the broker."""
    broker.cash = world.book().cash + 1
    broker.read()
    (filed,) = broker.read()
    assert isinstance(filed, BreakFiled)
    return filed.found


class TestAFiledBreak:
    def test_has_an_id_of_its_content_and_a_deadline(self, world: World, found: Break) -> None:
        assert found.id == new_break_id("A1", "CASH", "")
        assert len(found.id) == 11
        assert found.filed_at == world.now
        assert found.deadline == world.now + 900 * SECOND
        assert world.state.breaks == {found.id: found}

    def test_has_the_deadline_of_the_settings(self, world: World, broker: Shown) -> None:
        world.settings(break_deadline_s=60)
        broker.cash = 0
        broker.read()

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.deadline == filed.time + 60 * SECOND

    def test_is_filed_again_with_other_values_and_keeps_who_has_it(
        self, world: World, broker: Shown, found: Break
    ) -> None:
        world.do(c.TakeBreak(LOCAL, found.id, "Meera", "asking them", 77))
        broker.cash = world.book().cash + 2
        assert broker.read() == []

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        again = filed.found
        assert (again.id, again.filed_at) == (found.id, found.filed_at)
        assert (again.owner, again.note, again.deadline) == ("Meera", "asking them", 77)
        assert again.theirs != found.theirs

    def test_closes_when_a_later_reading_agrees(
        self, world: World, broker: Shown, found: Break
    ) -> None:
        broker.cash = world.book().cash

        (closed,) = broker.read()

        assert closed == BreakClosed(world.now, DESK_ORIGIN, found.id, BreakEnd.MATCHED)
        assert world.state.breaks == {}
        assert world.state.settled_breaks == {}

    def test_of_another_account_is_not_closed(
        self, world: World, broker: Shown, found: Break
    ) -> None:
        world.account(2)
        other = Shown(world, "A2")

        assert other.read() == []
        assert found.id in world.state.breaks

    def test_is_found_by_its_account(self, world: World, broker: Shown, found: Break) -> None:
        world.account(2)
        world.do(c.BookUnread("A2", "down"))
        (other,) = breaks.breaks_of(world.state, "A2")

        assert breaks.breaks_of(world.state, "A1") == [found]
        assert list(world.state.breaks) == [found.id, other.id]
        world.do(c.CloseBreak(LOCAL, found.id, "it was a fee"))
        assert world.state.breaks_of == {"A2": {other.id: None}}


class TestAPerson:
    def test_takes_it(self, world: World, found: Break) -> None:
        (event,) = world.do(c.TakeBreak(LOCAL, found.id, owner="Meera"))

        assert isinstance(event, BreakTaken)
        assert world.state.breaks[found.id].owner == "Meera"
        assert world.state.breaks[found.id].deadline == found.deadline

    def test_keeps_what_is_not_named(self, world: World, found: Break) -> None:
        world.do(c.TakeBreak(LOCAL, found.id, "Meera", "asking", 5))
        world.do(c.TakeBreak(LOCAL, found.id, note=""))

        taken = world.state.breaks[found.id]
        assert (taken.owner, taken.note, taken.deadline) == ("Meera", "", 5)

    def test_settles_it(self, world: World, found: Break) -> None:
        (event,) = world.do(c.CloseBreak(LOCAL, found.id, "it was a fee"))

        assert event == BreakClosed(world.now, LOCAL, found.id, BreakEnd.SETTLED, "it was a fee")
        assert world.state.breaks == {}

    @pytest.mark.parametrize(
        "command", [c.TakeBreak(LOCAL, "B0", "x"), c.CloseBreak(LOCAL, "B0", "x")]
    )
    def test_is_told_when_there_is_none(self, world: World, command: c.Command) -> None:
        with pytest.raises(Refused) as refused:
            world.do(command)
        assert refused.value.code == "NO_SUCH_BREAK"

    def test_may_say_it_again_under_the_same_key(self, world: World, found: Break) -> None:
        origin = Origin("meera", Door.ACCOUNTS, "", "k1", b"same")
        world.do(c.TakeBreak(origin, found.id, owner="Meera"))
        taken = world.state.seq
        closing = Origin("meera", Door.ACCOUNTS, "", "k2", b"other")
        world.do(c.CloseBreak(closing, found.id, "done"))

        assert first_use(world.state, origin) == taken
        assert first_use(world.state, closing) == taken + 1


class TestASettledBreak:
    def test_is_not_filed_again_on_the_same_day(
        self, world: World, broker: Shown, found: Break
    ) -> None:
        world.do(c.CloseBreak(LOCAL, found.id, "it was a fee"))

        assert [broker.read() for _ in range(3)] == [[]] * 3

    def test_of_cash_that_moves_on_with_the_same_difference_is_not_filed_again(
        self, world: World, broker: Shown, found: Break
    ) -> None:
        world.do(c.CloseBreak(LOCAL, found.id, "it was a fee"))
        assert broker.cash is not None
        difference = broker.cash - world.book().cash
        world.do(c.PutReference(LOCAL, cash=((world.book().id, -700, "a fee of our own"),)))
        broker.cash = world.book().cash + difference

        assert [broker.read() for _ in range(3)] == [[]] * 3

    def test_is_filed_again_when_its_values_changed(
        self, world: World, broker: Shown, found: Break
    ) -> None:
        world.do(c.CloseBreak(LOCAL, found.id, "it was a fee"))
        broker.cash = world.book().cash + 2
        broker.read()

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.filed_at == world.now
        assert world.state.settled_breaks == {}

    def test_is_filed_again_on_the_next_day(
        self, world: World, broker: Shown, found: Break
    ) -> None:
        world.do(c.CloseBreak(LOCAL, found.id, "it was a fee"))
        world.wait(DAY // SECOND)
        world.do(c.Tick())

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)

    def test_is_remembered_within_a_bound(
        self, world: World, broker: Shown, found: Break, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reconciliation, "SETTLED_BREAKS_MAX", 1)
        world.do(c.CloseBreak(LOCAL, found.id, "it was a fee"))
        world.account(2)
        world.do(c.BookUnread("A2", "down"))
        (other,) = world.state.breaks

        world.do(c.CloseBreak(LOCAL, other, "it is their holiday"))

        assert list(world.state.settled_breaks) == [other]


class TestABookThatCannotBeRead:
    def test_is_a_break_until_it_is_read(self, world: World, broker: Shown) -> None:
        (filed,) = world.do(c.BookUnread("A1", "no route"))
        assert isinstance(filed, BreakFiled)
        assert filed.found.kind is BreakKind.BOOK_UNREADABLE
        assert "no route" in filed.found.reason
        assert world.do(c.BookUnread("A1", "another error")) == []
        assert world.do(c.BookUnread("A9", "no account")) == []

        (closed,) = broker.read()

        assert isinstance(closed, BreakClosed)


class TestTheBounds:
    def lost(self, world: World, broker: Shown, count: int) -> None:
        for number in range(count):
            tag = new_cl_ord_id("AA", 0, 500 + number)
            broker.has_foreign(Side.BUY, 1, f"X{number}", tag=tag)

    def test_no_reading_files_too_many_at_once_and_the_next_files_the_rest(
        self, world: World, broker: Shown, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(breaks, "BREAKS_AT_ONCE_MAX", 2)
        self.lost(world, broker, 5)

        assert [len(broker.read()) for _ in range(4)] == [2, 2, 1, 0]

    def test_no_more_than_so_many_are_open_and_the_last_one_says_so(
        self, world: World, broker: Shown, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(breaks, "BREAKS_MAX", 2)
        self.lost(world, broker, 5)

        filed = [event.found for event in broker.read() if isinstance(event, BreakFiled)]

        assert len(filed) == len(world.state.breaks) == 2
        assert [one.reason.endswith("while 2 are open)") for one in filed] == [False, True]
        assert broker.read() == []
        assert len(broker.compared().differences) == 5


def test_a_reading_of_no_account_of_ours_comes_to_nothing(world: World, broker: Shown) -> None:
    book = broker.book()
    broker.account = "A9"
    reading = c.FileDifferences(broker.book())
    assert world.do(reading) == []
    world.capabilities.clear()
    assert world.do(c.FileDifferences(book)) == []
