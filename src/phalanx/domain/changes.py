"""Changes that loosen a bound, and wait for another person while ``two_persons`` is on."""

from enum import StrEnum
from typing import Final, TypeAlias, final

import msgspec

from phalanx.domain.groups import Group
from phalanx.domain.instructions import Origin
from phalanx.domain.kills import KillScope
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.time import Nanoseconds

ChangeId: TypeAlias = str


class ChangeStatus(StrEnum):
    """Where a change stands. REFUSED: approved, and no longer possible when it was decided anew."""

    WAITING = "WAITING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"


@final
class KillLift(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=1):
    """A kill is to be lifted."""

    scope: KillScope
    note: str = ""


@final
class LimitsChange(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=2):
    """Limits are to be put, then some removed: all of what was asked for, also what is tighter in it."""

    limits: tuple[Limit, ...] = ()
    removed: tuple[tuple[LimitLevel, str], ...] = ()


@final
class SettingsChange(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=3):
    """Settings are to be changed: the name and value of each that was named, the others stay."""

    fields: tuple[tuple[str, int | bool], ...]


@final
class GroupsChange(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=4):
    """Groups that limits hold for are to lose members, or to go."""

    groups: tuple[Group, ...] = ()
    removed: tuple[str, ...] = ()


Change: TypeAlias = KillLift | LimitsChange | SettingsChange | GroupsChange

KINDS: Final[dict[type[Change], str]] = {
    KillLift: "kill",
    LimitsChange: "limits",
    SettingsChange: "settings",
    GroupsChange: "groups",
}
"""What a change is of, in a word."""


class AskedChange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A change that waits for another person than the one in ``origin``.

    ``details``: what it would do, a sentence for each part, the first of many. ``stood``: a digest of
    what it would change, as that was when it was asked for: what another has touched since is not
    changed by an approval that did not see it.
    """

    id: ChangeId
    origin: Origin
    change: Change
    asked_at: Nanoseconds
    expires_at: Nanoseconds
    details: tuple[str, ...]
    stood: bytes


def parts_of(change: Change) -> int:
    """So many things it names: what it keeps in memory while it waits."""
    match change:
        case KillLift():
            return 1
        case LimitsChange():
            restricted = sum(len(limit.restricted) for limit in change.limits)
            return len(change.limits) + len(change.removed) + restricted
        case SettingsChange():
            return len(change.fields)
        case GroupsChange():
            members = sum(len(group.members) for group in change.groups)
            return len(change.groups) + len(change.removed) + members
