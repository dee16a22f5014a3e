"""The kill flag of a world does what the file in a data folder does."""

from phalanx.domain.kills import EVERYBODY, DirectKill, KillLevel, KillScope
from phalanx.simulation.kill_flag import SimulatedKillFlag

ONE = KillScope(KillLevel.ACCOUNT, "A1")


def kill(id: str, scope: KillScope = EVERYBODY) -> DirectKill:
    return DirectKill(id, scope, "somebody", "", 0)


def test_it_is_raised_until_all_that_was_ordered_is_adopted() -> None:
    flag = SimulatedKillFlag()
    assert not flag.is_raised()

    flag.order(kill("K1", ONE))
    first = flag.read()
    flag.order(kill("K2"))
    second = flag.read()

    assert first is not None
    assert second is not None
    assert [one.id for one in second.kills] == ["K1", "K2"]
    flag.lower(first.number)
    assert flag.is_raised()
    flag.lower(second.number)
    assert not flag.is_raised()


def test_what_is_ordered_later_waits_without_what_was_adopted() -> None:
    flag = SimulatedKillFlag()
    flag.order(kill("K1", ONE))
    raised = flag.read()
    assert raised is not None
    flag.lower(raised.number)

    flag.order(kill("K2"))

    again = flag.read()
    assert again is not None
    assert [one.id for one in again.kills] == ["K2"]
    assert list(flag.ordered) == ["K1", "K2"]


def test_while_somebody_writes_it_stops_everybody_and_says_nothing_else() -> None:
    flag = SimulatedKillFlag()
    flag.order(kill("K1", ONE))
    flag.is_torn = True

    assert flag.read() is None
    stopped = flag.keys()
    assert EVERYBODY.key in stopped
    flag.is_torn = False
    stopped = flag.keys()
    assert EVERYBODY.key not in stopped
    assert ONE.key in stopped


def test_one_that_orders_something_is_not_renewed() -> None:
    flag = SimulatedKillFlag()
    flag.order(kill("K1", ONE))

    assert not flag.renew()
    assert flag.is_raised()
