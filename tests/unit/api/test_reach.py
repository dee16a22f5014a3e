from phalanx.api.reach import EVERYTHING, reach_of
from phalanx.domain.access import LOCAL, NO_FENCE, Fence, Permission, Principal, PrincipalKind
from phalanx.domain.accounts import Account
from phalanx.engine.state import State

STATE = State(
    accounts={id: Account(id, client) for id, client in (("A-1", 1), ("A-2", 1), ("B-1", 2))}
)


def principal(clients: set[int] | None = None, fence: Fence = NO_FENCE) -> Principal:
    ids = None if clients is None else frozenset(clients)
    return Principal("p", PrincipalKind.USER, frozenset({Permission.READ}), ids, fence)


def test_who_sees_everything_has_no_bounds() -> None:
    assert reach_of(LOCAL, STATE) is EVERYTHING
    assert EVERYTHING.has_account("anything")
    assert EVERYTHING.has_client(-1)


def test_a_client_reaches_its_accounts() -> None:
    reach = reach_of(principal({1}), STATE)

    assert reach.accounts == frozenset({"A-1", "A-2"})
    assert reach.clients == frozenset({1})
    assert not reach.has_account("B-1")
    assert not reach.has_client(2)


def test_a_client_without_accounts_reaches_itself() -> None:
    reach = reach_of(principal({9}), STATE)

    assert (reach.accounts, reach.clients) == (frozenset(), frozenset({9}))


def test_a_fence_of_accounts_reaches_their_clients() -> None:
    reach = reach_of(principal(fence=Fence(accounts=frozenset({"B-1", "gone"}))), STATE)

    assert (reach.accounts, reach.clients) == (frozenset({"B-1"}), frozenset({2}))


def test_a_fence_of_strategies_bounds_no_accounts() -> None:
    fence = Fence(strategies=frozenset({"S"}), instruments=frozenset({"NSE:1"}))
    reach = reach_of(principal(fence=fence), STATE)

    assert (reach.accounts, reach.clients) == (None, None)
    assert (reach.strategies, reach.instruments) == (frozenset({"S"}), frozenset({"NSE:1"}))
    assert reach.has_account("A-1")


def test_a_client_behind_a_fence_reaches_what_is_in_both() -> None:
    fence = Fence(accounts=frozenset({"A-1", "B-1"}))
    reach = reach_of(principal({1}, fence), STATE)

    assert reach.accounts == frozenset({"A-1"})
