"""Roles, fences and principals: what each word allows."""

import pytest

from phalanx.domain.access import (
    EVERYTHING,
    LOCAL,
    MACHINE_SCOPES,
    ROLE_PERMISSIONS,
    Fence,
    Permission,
    Principal,
    PrincipalKind,
    Role,
    permissions_of,
)

P = Permission
ALLOWED = {
    (Role.ADMIN, False): set(P),
    (Role.TRADER, False): {P.READ, P.TRADE, P.STOP, P.APPROVE},
    (Role.VIEWER, False): {P.READ},
    (Role.VIEWER, True): {P.READ},
    (Role.CLIENT, False): {P.READ},
    (Role.CLIENT, True): {P.READ, P.TRADE},
}


@pytest.mark.parametrize(("role", "may_trade"), ALLOWED)
def test_a_role_may_exactly_this(role: Role, may_trade: bool) -> None:
    assert permissions_of(role, may_trade=may_trade) == ALLOWED[role, may_trade]


def test_every_role_is_known() -> None:
    assert set(ROLE_PERMISSIONS) == set(Role)


def test_whoever_is_at_this_machine_may_everything() -> None:
    assert LOCAL.permissions == EVERYTHING == set(Permission)
    assert LOCAL.sees_client(7)
    assert LOCAL.may_trade
    assert LOCAL.actor == "local"


def test_no_machine_key_is_an_admin_or_approves() -> None:
    assert {P.ADMIN, P.APPROVE} == EVERYTHING - MACHINE_SCOPES


@pytest.mark.parametrize(
    ("client_ids", "sees"), [(None, True), (frozenset({7}), True), (frozenset({8}), False)]
)
def test_a_client_is_seen_by_those_who_may(client_ids: frozenset[int] | None, sees: bool) -> None:
    someone = Principal("x", PrincipalKind.USER, frozenset(), client_ids)

    assert someone.sees_client(7) is sees


def test_who_has_no_clients_sees_none() -> None:
    assert not Principal("x", PrincipalKind.USER, EVERYTHING, frozenset()).sees_client(7)


def test_a_machine_key_never_has_a_user_s_name_in_the_journal() -> None:
    user = Principal("ann", PrincipalKind.USER, frozenset({P.READ}))
    machine = Principal("ann", PrincipalKind.MACHINE, frozenset({P.READ}))

    hook = Principal("ann", PrincipalKind.HOOK, frozenset({P.TRADE}))

    assert (user.actor, machine.actor, hook.actor) == ("ann", "key:ann", "hook:ann")
    assert user.may(P.READ)
    assert not user.may(P.TRADE)
    assert not user.may_trade


def test_no_fence_holds_nothing_back() -> None:
    assert Fence().allows_strategy(None)
    assert Fence().allows_instrument("NSE:2885")
    assert Fence().allows_account("A1")


def test_a_fence_keeps_in_what_it_names_and_nothing_else() -> None:
    fence = Fence(frozenset({"RED"}), frozenset({"NSE:2885"}), frozenset({"A1"}))

    assert fence.allows_strategy("RED")
    assert fence.allows_instrument("NSE:2885")
    assert fence.allows_account("A1")
    for allows in (fence.allows_strategy, fence.allows_instrument, fence.allows_account):
        assert not allows("another")
        assert not allows(None)
