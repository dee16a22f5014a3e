"""Scopes: what a kill's level and name mean for an order."""

import pytest

from phalanx.domain.accounts import Account
from phalanx.domain.kills import EVERYBODY, KillLevel, KillScope, scopes_over, stopping

ACCOUNT = Account("A1", 7, broker="paper")
L = KillLevel

COVERS = [
    (EVERYBODY, True),
    (KillScope(L.BROKER, "paper"), True),
    (KillScope(L.BROKER, "other"), False),
    (KillScope(L.STRATEGY, "RED"), True),
    (KillScope(L.STRATEGY, "BLUE"), False),
    (KillScope(L.CLIENT, "7"), True),
    (KillScope(L.CLIENT, "70"), False),
    (KillScope(L.ACCOUNT, "A1"), True),
    (KillScope(L.ACCOUNT, "A2"), False),
]


@pytest.mark.parametrize(("scope", "covers"), COVERS)
def test_a_scope_stops_who_is_in_it(scope: KillScope, covers: bool) -> None:
    assert scope.covers(ACCOUNT, "RED") is covers
    assert (stopping({scope.key}, ACCOUNT, "RED") == scope) is covers
    assert (scope in scopes_over(ACCOUNT, "RED")) is covers


def test_an_order_of_no_strategy_is_in_no_strategy() -> None:
    scope = KillScope(L.STRATEGY, "RED")

    assert not scope.covers(ACCOUNT, None)
    assert stopping({scope.key}, ACCOUNT, None) is None


def test_the_widest_is_the_one_that_is_told() -> None:
    standing = {scope.key: scope for scope, covers in COVERS if covers}
    levels = []
    while (scope := stopping(standing, ACCOUNT, "RED")) is not None:
        levels.append(scope.level)
        del standing[scope.key]

    assert levels == list(L)


@pytest.mark.parametrize(
    ("scope", "key", "said"),
    [
        (EVERYBODY, "all/", "everybody"),
        (KillScope(L.CLIENT, "7"), "client/7", "client 7"),
        (KillScope(L.ACCOUNT, "all/"), "account/all/", "account all/"),
    ],
)
def test_it_has_a_key_and_a_name(scope: KillScope, key: str, said: str) -> None:
    assert (scope.key, str(scope)) == (key, said)
