"""Which door is for whom: the table of ``docs/security.md``. Run it to print the table."""

from collections.abc import Sequence
from typing import Final

from phalanx.api.catalogue import DOORS
from phalanx.api.exchange import Door
from phalanx.api.policy import Behind, Policy
from phalanx.domain.access import MACHINE_SCOPES, Principal, PrincipalKind, Role, permissions_of

_YES, _OWN, _NO = "yes", "own", "–"


def _user(role: Role, *, may_trade: bool = False) -> Principal:
    clients = frozenset[int]() if role is Role.CLIENT else None
    permissions = permissions_of(role, may_trade=may_trade)
    return Principal(role.value, PrincipalKind.USER, permissions, clients)


COLUMNS: Final = {
    "nobody": None,
    "admin": _user(Role.ADMIN),
    "trader": _user(Role.TRADER),
    "viewer": _user(Role.VIEWER),
    "client": _user(Role.CLIENT),
    "client that may trade": _user(Role.CLIENT, may_trade=True),
}
"""Who is asked about; nobody has no login."""


def policy_table(doors: Sequence[Door]) -> str:
    """The Markdown table of all doors, as ``docs/security.md`` shows it."""
    head = ["door", *COLUMNS, "machine key", "fenced key"]
    rows = [_row(door) for door in doors]
    return "\n".join([_line(head), _line(["---"] * len(head)), *map(_line, rows), ""])


def _row(door: Door) -> list[str]:
    policy = door.policy
    people = [_people(policy, who) for who in COLUMNS.values()]
    return [f"`{door.method} {door.path}`", *people, _key(policy), _fenced(policy)]


def _people(policy: Policy, who: Principal | None) -> str:
    if policy.is_public:
        return _YES
    if who is None:
        return f"`{policy.opened_by}`" if policy.opened_by else _NO
    if not policy.admits(who):
        return _NO
    return _OWN if policy.behind is Behind.REACH and not who.sees_all else _YES


def _key(policy: Policy) -> str:
    """Which scope it takes; an admin's and an approver's no key has."""
    if not policy.permissions:
        return _YES
    if policy.permissions.isdisjoint(MACHINE_SCOPES):
        return _NO
    return " or ".join(sorted(policy.permissions & MACHINE_SCOPES))


def _fenced(policy: Policy) -> str:
    """How much of it is for a key with a fence that has the scope."""
    if _key(policy) == _NO:
        return _NO
    return {Behind.ALL: _NO, Behind.REACH: _OWN, Behind.NOTHING: _YES}[policy.behind]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(policy_table(DOORS))  # noqa: T201  that is what it is run for
