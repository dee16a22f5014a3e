import pytest

from phalanx.api.catalogue import DOORS
from phalanx.api.exchange import Door
from phalanx.api.policy import CANCEL, KNOWN, READ, READ_MARKET, READ_OWN, Behind, Policy
from phalanx.domain.access import LOCAL, Fence, Permission, Principal, PrincipalKind

VIEWER = Principal("vera", PrincipalKind.USER, frozenset({Permission.READ}))
CLIENT = Principal("cora", PrincipalKind.USER, frozenset({Permission.READ}), frozenset({7}))
FENCED = Principal(
    "algo", PrincipalKind.MACHINE, frozenset({Permission.READ}), fence=Fence(frozenset({"S"}))
)
STOPPER = Principal("stop", PrincipalKind.MACHINE, frozenset({Permission.STOP}))


@pytest.mark.parametrize("who", [VIEWER, LOCAL])
def test_who_sees_everybody_comes_through_every_door_of_a_permission(who: Principal) -> None:
    assert all(policy.admits(who) for policy in (READ, READ_OWN, READ_MARKET, KNOWN))


@pytest.mark.parametrize("who", [CLIENT, FENCED])
def test_who_sees_a_part_does_not_come_where_everybodys_is(who: Principal) -> None:
    assert not READ.admits(who)
    assert all(policy.admits(who) for policy in (READ_OWN, READ_MARKET, KNOWN))


def test_one_of_the_permissions_is_enough() -> None:
    assert CANCEL.admits(STOPPER)
    assert not READ.admits(STOPPER)
    assert not CANCEL.admits(VIEWER)


def test_a_door_without_a_policy_is_not_built() -> None:
    async def handler(_: object) -> None: ...

    with pytest.raises(TypeError, match="policy"):
        Door("GET", "/x", handler, "")  # type: ignore[arg-type, call-arg]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.method} {door.path}")
def test_what_changes_something_asks_for_more_than_reading(door: Door) -> None:
    policy: Policy = door.policy
    if door.keyed:
        assert policy.permissions
        assert Permission.READ not in policy.permissions
        assert not policy.is_public
        assert not policy.opened_by
        assert policy.behind is not Behind.NOTHING
