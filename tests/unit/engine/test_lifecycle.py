import pytest

from phalanx.domain.orders import TERMINAL, OrdStatus
from phalanx.engine.lifecycle import TABLE, Trigger, move

S, T = OrdStatus, Trigger

FILLS = {T.FILL_PART, T.FILL_ALL}
ENDS = {T.CANCELED: S.CANCELED, T.REJECT: S.REJECTED, T.EXPIRE: S.EXPIRED}
WORKING = [status for status in OrdStatus if status not in TERMINAL]


@pytest.mark.parametrize("status", OrdStatus)
def test_a_fill_is_booked_in_every_status(status: OrdStatus) -> None:
    assert move(status, T.FILL_PART, 1) is not None
    assert move(status, T.FILL_ALL, 1) is S.FILLED


@pytest.mark.parametrize("status", [s for s in WORKING if s is not S.HELD])
@pytest.mark.parametrize("trigger", ENDS)
def test_the_broker_may_end_an_order_in_every_status(status: OrdStatus, trigger: Trigger) -> None:
    assert move(status, trigger) is ENDS[trigger]


@pytest.mark.parametrize("status", sorted(TERMINAL - {S.NOT_RECEIVED}))
def test_an_end_is_left_only_for_filled(status: OrdStatus) -> None:
    rows = {trigger: after for (before, trigger), after in TABLE.items() if before is status}

    assert set(rows) == FILLS
    assert rows[T.FILL_PART] is status
    assert rows[T.FILL_ALL] is S.FILLED


def test_an_order_thought_absent_reopens_whatever_comes() -> None:
    rows = {
        trigger: after for (before, trigger), after in TABLE.items() if before is S.NOT_RECEIVED
    }

    assert rows == {T.ACCEPT: S.NEW, T.FILL_PART: S.PARTIALLY_FILLED, T.FILL_ALL: S.FILLED} | ENDS


@pytest.mark.parametrize("status", WORKING)
def test_every_working_status_has_a_way_out(status: OrdStatus) -> None:
    reached, edge = {status}, {status}
    while edge:
        edge = {after for (before, _), after in TABLE.items() if before in edge} - reached
        reached |= edge

    assert TERMINAL - {S.NOT_RECEIVED} <= reached


@pytest.mark.parametrize("status", [S.PENDING_CANCEL, S.PENDING_REPLACE])
def test_when_a_request_ends_the_status_follows_from_what_is_filled(status: OrdStatus) -> None:
    assert move(status, T.REQUEST_END, 0) is S.NEW
    assert move(status, T.REQUEST_END, 1) is S.PARTIALLY_FILLED


@pytest.mark.parametrize("status", [S.IN_DOUBT, S.NOT_RECEIVED])
def test_an_acknowledgement_after_a_fill_is_no_step_back(status: OrdStatus) -> None:
    assert move(status, T.ACCEPT, 0) is S.NEW
    assert move(status, T.ACCEPT, 1) is S.PARTIALLY_FILLED


@pytest.mark.parametrize("status", [s for s in OrdStatus if s is not S.IN_DOUBT])
def test_only_doubt_ends_in_absence(status: OrdStatus) -> None:
    assert move(status, T.ABSENT) is None
    assert move(status, T.DOUBT) is (S.IN_DOUBT if status is S.SENT else None)


def test_nothing_is_sent_twice() -> None:
    assert [before for (before, trigger) in TABLE if trigger is T.DISPATCH] == [S.PENDING_NEW]
    assert [before for (before, trigger) in TABLE if trigger is T.LAPSE] == [S.SENT]
    assert not any(after is S.HELD for after in TABLE.values())
