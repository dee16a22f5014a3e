"""Groups: named sets of accounts, with a multiplier each."""

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from phalanx.api import reference_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.deferred import deferred
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name, positive
from phalanx.api.lists import Skip, ViewLimit, page
from phalanx.api.naming import known_account, owner_of, primary_account
from phalanx.api.policy import READ, TRADE
from phalanx.api.problems import Problem
from phalanx.api.shapes import ClientId, Exact, Name
from phalanx.api.tables import FormatName, csv_as_of
from phalanx.desk.desk import Desk
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import GroupPut
from phalanx.domain.groups import Group, Member
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import SCALE, Fixed, format_fixed, whole
from phalanx.engine.commands import PutGroups
from phalanx.engine.groups import GROUPS_MAX, MEMBERS_MAX

PATH = "/api/v1/groups"
BODY_MAX = 4 * 1024 * 1024
MULTIPLIER_MAX: Fixed = whole(10_000)


class MemberChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account, or the primary account of ``client``; quantities of the method ``multiplier`` are
    times ``multiplier``: above 0, at most 10,000, 1 when it is absent.
    """

    account: Name | UnsetType = UNSET
    client: ClientId | UnsetType = UNSET
    multiplier: Exact | UnsetType = UNSET


class GroupChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is in the group from now on, and nobody else: accounts by their id, or members."""

    members: list[Name | MemberChange]


_change: Body[GroupChange] = Body(GroupChange)


class MemberAnswer(msgspec.Struct, frozen=True, gc=False):
    """An account of a group."""

    account: str
    client: str
    client_id: int
    multiplier: str


class GroupAnswer(msgspec.Struct, frozen=True):
    """A group and its members."""

    name: str
    members: list[MemberAnswer]


class GroupList(msgspec.Struct, frozen=True):
    """Groups, oldest first."""

    items: list[GroupAnswer]
    total: int
    as_of: int


class GroupRemovedAnswer(msgspec.Struct, frozen=True):
    """A group that is gone; its accounts stay."""

    name: str
    removed: bool


class GroupQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the groups; as CSV a line for each member."""

    skip: Skip = 0
    limit: ViewLimit = GROUPS_MAX
    format: FormatName = "json"


COLUMNS = ("group", "account", "client", "client_id", "multiplier")


async def list_groups(call: Call) -> Answer:
    """All groups with their members."""
    query = call.query(GroupQuery)
    desk = call.desk
    found = list(desk.state.groups.values())
    wanted = page(found, query)
    if query.format == "csv":
        rows = (
            [group.name, *msgspec.structs.astuple(member)]
            for group in wanted
            for member in group_answer(desk, group).members
        )
        return await csv_as_of(call, "groups", COLUMNS, rows, len(found))

    def body(seq: int) -> GroupList:
        return GroupList([group_answer(desk, group) for group in wanted], len(found), seq)

    return await call.as_of(body)


async def get_group(call: Call) -> Answer:
    """One group."""
    desk = call.desk
    group = _find(desk, call.path("name"))
    return await call.as_of(lambda _: group_answer(desk, group))


async def put_group(call: Call) -> Answer:
    """A group is made, or gets other members."""
    desk = call.desk
    called = call.path("name")
    body = await asyncio.to_thread(call.decode, _change)
    asked = _asked(body.members)
    origin = call.origin(DoorName.GROUPS, "put", called, asked)
    wanted = Group(called, tuple(_members(desk, asked)))
    executed = await desk.execute(PutGroups(origin, (wanted,)))
    waits = deferred(call, executed)
    if waits is not None:
        return waits
    for event in executed.events:
        assert isinstance(event, GroupPut), f"{type(event).__name__} is no group"
        wanted = event.group
    return answer_json(200, group_answer(desk, wanted), executed)


async def delete_group(call: Call) -> Answer:
    """A group goes, and its limit with it; its accounts stay."""
    desk = call.desk
    called = call.path("name")
    origin = call.origin(DoorName.GROUPS, "delete", called)
    if not call.is_repeat(origin):
        _find(desk, called)
    executed = await desk.execute(PutGroups(origin, removed=(called,)))
    removed = GroupRemovedAnswer(called, removed=True)
    return deferred(call, executed) or answer_json(200, removed, executed)


def group_answer(desk: Desk, group: Group) -> GroupAnswer:
    """A group with whose accounts they are."""
    members = []
    for member in group.members:
        client_id, client = owner_of(desk, member.account)
        multiplier = format_fixed(member.multiplier)
        members.append(MemberAnswer(member.account, client, client_id, multiplier))
    return GroupAnswer(group.name, members)


_Asked = tuple[AccountId | int, Fixed]
"""An account by its id or a client by its number, with the multiplier: the decoded request."""


def _asked(members: Sequence[str | MemberChange]) -> list[_Asked]:
    """Raises Problem with the place of the member that is wrong."""
    if len(members) > MEMBERS_MAX:
        raise Problem("TOO_MANY_MEMBERS", f"at most {MEMBERS_MAX}", field="members")
    return [_one_asked(member, f"members[{place}]") for place, member in enumerate(members)]


def _one_asked(member: str | MemberChange, field: str) -> _Asked:
    if isinstance(member, str):
        return name(member, field), SCALE
    if (member.account is UNSET) is (member.client is UNSET):
        raise Problem("MISSING_FIELD", "name an account or a client, not both", field=field)
    multiplier = SCALE
    if member.multiplier is not UNSET:
        multiplier = positive(member.multiplier, f"{field}.multiplier")
        if multiplier > MULTIPLIER_MAX:
            detail = f"must not be above {format_fixed(MULTIPLIER_MAX)}"
            raise Problem("INVALID_VALUE", detail, field=f"{field}.multiplier")
    if member.account is not UNSET:
        return name(member.account, f"{field}.account"), multiplier
    assert member.client is not UNSET, "one of both is there"
    return member.client, multiplier


def _members(desk: Desk, asked: Sequence[_Asked]) -> list[Member]:
    """Raises Problem ``UNKNOWN_ACCOUNT``, ``UNKNOWN_CLIENT``, ``DUPLICATE_MEMBER``."""
    found: dict[AccountId, Member] = {}
    for place, (who, multiplier) in enumerate(asked):
        field = f"members[{place}]"
        if isinstance(who, int):
            who = primary_account(desk, who, field)  # noqa: PLW2901  who it stands for
        account = known_account(desk, who, field)
        if account in found:
            raise Problem("DUPLICATE_MEMBER", f"{account} is in the group already", field=field)
        found[account] = Member(account, multiplier)
    return list(found.values())


def _find(desk: Desk, called: str) -> Group:
    group = desk.state.groups.get(called)
    if group is None:
        raise Problem("NOT_FOUND", f"no group {called}")
    return group


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_groups,
        "All groups",
        GroupList,
        policy=READ,
        tag="groups",
        query=GroupQuery,
    ),
    Door(
        "GET",
        f"{PATH}/{{name}}",
        get_group,
        "One group",
        GroupAnswer,
        policy=READ,
        tag="groups",
        problems=("NOT_FOUND",),
    ),
    Door(
        "PUT",
        f"{PATH}/{{name}}",
        put_group,
        "Make or change a group",
        GroupAnswer,
        policy=TRADE,
        tag="groups",
        about="The members are those of the body and nobody else. A client stands for its primary "
        "account of this moment.",
        body=GroupChange,
        body_max=BODY_MAX,
        examples=examples.GROUP,
        problems=(
            *("UNKNOWN_ACCOUNT", "UNKNOWN_CLIENT", "DUPLICATE_MEMBER", "TOO_MANY_MEMBERS"),
            *("TOO_MANY_GROUPS", "INVALID_VALUE", "NOT_POSITIVE", "MISSING_FIELD"),
        ),
        keyed=True,
        loosens=True,
    ),
    Door(
        "DELETE",
        f"{PATH}/{{name}}",
        delete_group,
        "Remove a group",
        GroupRemovedAnswer,
        policy=TRADE,
        tag="groups",
        problems=("NOT_FOUND",),
        keyed=True,
        loosens=True,
    ),
)
