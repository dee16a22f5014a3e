"""Groups of accounts and priority lists of instruments, by name."""

from collections.abc import Collection, Container

from phalanx.domain.accounts import AccountId
from phalanx.domain.events import (
    Event,
    GroupPut,
    GroupRemoved,
    LimitRemoved,
    ListPut,
    ListRemoved,
)
from phalanx.domain.groups import Group
from phalanx.domain.limits import LimitLevel
from phalanx.engine.commands import PutGroups, PutLists
from phalanx.engine.context import Context
from phalanx.engine.refused import Refused
from phalanx.engine.state import State, limit_key

GROUPS_MAX = 1_000
MEMBERS_MAX = 20_000
LISTS_MAX = 1_000
LIST_INSTRUMENTS_MAX = 1_000


def put_groups(state: State, command: PutGroups, context: Context) -> list[Event]:
    """Upsert groups, then remove some with the limits that held for them, all or nothing.

    Raises Refused ``UNKNOWN_ACCOUNT``, ``UNKNOWN_GROUP``, ``DUPLICATE_MEMBER``, ``TOO_MANY_MEMBERS``,
    ``TOO_MANY_GROUPS``.
    """
    check_groups(state, command.groups, state.accounts)
    for name in command.removed:
        if name not in state.groups:
            raise Refused("UNKNOWN_GROUP", f"no group {name}")
    now, origin = context.now, command.origin
    events: list[Event] = [
        GroupPut(now, origin, group)
        for group in command.groups
        if state.groups.get(group.name) != group
    ]
    for name in command.removed:
        events.append(GroupRemoved(now, origin, name))
        if limit_key(LimitLevel.GROUP, name) in state.limits:
            events.append(LimitRemoved(now, origin, LimitLevel.GROUP, name))
    return events


def check_groups(state: State, groups: Collection[Group], accounts: Container[AccountId]) -> None:
    """Whether these groups may stand beside those that do; ``accounts`` are all there will be.

    Raises Refused ``UNKNOWN_ACCOUNT``, ``DUPLICATE_MEMBER``, ``TOO_MANY_MEMBERS``, ``TOO_MANY_GROUPS``.
    """
    for group in groups:
        if len(group.members) > MEMBERS_MAX:
            raise Refused("TOO_MANY_MEMBERS", f"{group.name} has more than {MEMBERS_MAX}")
        members = [member.account for member in group.members]
        if len(set(members)) < len(members):
            raise Refused("DUPLICATE_MEMBER", f"{group.name} names an account twice")
        for account in members:
            if account not in accounts:
                raise Refused("UNKNOWN_ACCOUNT", f"no account {account}")
    if len({*state.groups, *(group.name for group in groups)}) > GROUPS_MAX:
        raise Refused("TOO_MANY_GROUPS", f"more than {GROUPS_MAX} groups")


def put_lists(state: State, command: PutLists, context: Context) -> list[Event]:
    """Upsert priority lists, then remove some, all or nothing.

    Raises Refused ``UNKNOWN_LIST``, ``DUPLICATE_INSTRUMENT``, ``TOO_MANY_INSTRUMENTS``,
    ``TOO_MANY_LISTS``.
    """
    for one in command.lists:
        if len(one.instruments) > LIST_INSTRUMENTS_MAX:
            raise Refused("TOO_MANY_INSTRUMENTS", f"{one.name}: more than {LIST_INSTRUMENTS_MAX}")
        if len(set(one.instruments)) < len(one.instruments):
            raise Refused("DUPLICATE_INSTRUMENT", f"{one.name} names an instrument twice")
    for name in command.removed:
        if name not in state.lists:
            raise Refused("UNKNOWN_LIST", f"no priority list {name}")
    if len({*state.lists, *(one.name for one in command.lists)}) > LISTS_MAX:
        raise Refused("TOO_MANY_LISTS", f"more than {LISTS_MAX} lists")
    now, origin = context.now, command.origin
    events: list[Event] = [
        ListPut(now, origin, one) for one in command.lists if state.lists.get(one.name) != one
    ]
    return events + [ListRemoved(now, origin, name) for name in command.removed]
