"""Machine keys, for admins: made with scopes, an end and a fence, shown once, revoked."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.fields import name as checked_name
from phalanx.api.identity import examples
from phalanx.api.identity.callers import (
    USER_NAME_MAX,
    UserName,
    answer_private,
    directory_of,
    text,
    time_of,
    time_or_none,
)
from phalanx.api.identity.still_held import still_held
from phalanx.api.lists import LIMIT_MAX, Limit, Skip, page
from phalanx.api.naming import known, known_account
from phalanx.api.new_instructions import moment
from phalanx.api.policy import ADMINISTER
from phalanx.api.problems import Problem
from phalanx.api.shapes import Name, Token
from phalanx.desk.desk import Desk
from phalanx.domain.access import Fence, Permission
from phalanx.domain.audit import Act
from phalanx.domain.time import DAY, Nanoseconds

if TYPE_CHECKING:
    from phalanx.access.picture import MachineKey

PATH: Final = "/api/v1/keys"
BODY_MAX: Final = 512 * 1024
FENCE_MAX: Final = 1_000
DAYS: Final = 90
DAYS_MAX: Final = 732
SCOPES_MAX: Final = 10
ScopeName: TypeAlias = Literal["read", "trade", "stop", "manage", "metrics"]
Days: TypeAlias = Annotated[int, Meta(ge=1, le=DAYS_MAX)]
Names: TypeAlias = Annotated[list[Name], Meta(max_length=FENCE_MAX)]
Tokens: TypeAlias = Annotated[list[Token], Meta(max_length=FENCE_MAX)]


class NewMachineKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key for a program. It ends after ``expires_days`` (90), or at ``expires_at``, within two years. The
    three lists are its fence: what is not in a list that is not empty is not the key's to touch.
    """

    name: UserName
    scopes: Annotated[list[ScopeName], Meta(min_length=1, max_length=SCOPES_MAX)]
    expires_days: Days | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    strategies: Names | UnsetType = UNSET
    instruments: Tokens | UnsetType = UNSET
    accounts: Names | UnsetType = UNSET


class KeyAnswer(msgspec.Struct, frozen=True):
    """A machine key. ``id`` is not secret; ``last_used_at`` is an hour in which it was used."""

    id: str
    name: str
    scopes: list[str]
    strategies: list[str]
    instruments: list[str]
    accounts: list[str]
    created_by: str
    created_at: str
    expires_at: str
    revoked_at: str | None
    last_used_at: str | None


class KeyCreatedAnswer(KeyAnswer, frozen=True):
    """A new key, with its ``token`` for ``Authorization: Bearer …``: it is shown once."""

    token: str


class KeyRevokedAnswer(KeyAnswer, frozen=True):
    """A key that opens nothing any more. ``held``: what it asked for and still waits, for its time or for
    approval; the first 100 of ``held_total``. They go on unless they are cancelled.
    """

    held: list[str]
    held_total: int


class KeyList(msgspec.Struct, frozen=True):
    """Machine keys, by name; those that are over stay for 90 days."""

    items: list[KeyAnswer]
    total: int


class KeyQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the keys."""

    skip: Skip = 0
    limit: Limit = LIMIT_MAX


_new: Body[NewMachineKey] = Body(NewMachineKey)


async def list_keys(call: Call) -> Answer:
    """All machine keys."""
    query = call.query(KeyQuery)
    found = directory_of(call).keys.list()
    items = [key_answer(call, key) for key in page(found, query)]
    return answer_private(KeyList(items, len(found)))


async def post_key(call: Call) -> Answer:
    """A new machine key."""
    from phalanx.access.machine_keys import NewKey

    body = call.decode(_new)
    name = text(body.name, "name", USER_NAME_MAX)
    asked_end = _asked_end(body)
    fence = _fence(call.desk, body)
    directory = directory_of(call)
    days = DAYS if body.expires_days is UNSET else body.expires_days
    expires_at = directory.now() + days * DAY if asked_end is None else asked_end
    new = NewKey(name, frozenset(map(Permission, body.scopes)), expires_at, fence)
    issued = await asyncio.to_thread(directory.keys.create, new, by=call.principal.actor)
    call.record(Act.KEY_CREATED, issued.key.name, f"key {issued.key.id}")
    shown = msgspec.structs.asdict(key_answer(call, issued.key))
    return answer_private(KeyCreatedAnswer(**shown, token=issued.token.reveal()))


async def revoke_key(call: Call) -> Answer:
    """A machine key opens nothing any more."""
    id = call.path("key_id")
    directory = directory_of(call)
    before = directory.store.picture.keys.get(id)
    key = await asyncio.to_thread(directory.keys.revoke, id)
    if before is None or before.revoked_at is None:
        call.record(Act.KEY_REVOKED, key.name, f"key {key.id}")
    held = still_held(call.desk.state, key.principal.actor)
    shown = msgspec.structs.asdict(key_answer(call, key))
    return answer_private(KeyRevokedAnswer(**shown, held=held.ids, held_total=held.total))


def key_answer(call: Call, key: "MachineKey") -> KeyAnswer:
    """A machine key, without anything that is secret."""
    principal = key.principal
    fence = principal.fence
    return KeyAnswer(
        key.id,
        key.name,
        sorted(principal.permissions),
        sorted(fence.strategies),
        sorted(fence.instruments),
        sorted(fence.accounts),
        key.created_by,
        time_of(call, key.created_at),
        time_of(call, key.expires_at),
        time_or_none(call, key.revoked_at),
        time_or_none(call, key.last_used_at),
    )


def _asked_end(body: NewMachineKey) -> Nanoseconds | None:
    """When the key is to end; None where days say it. Raises Problem ``CONTRADICTING_FIELDS``,
    ``INVALID_TIME``.
    """
    if body.expires_at is UNSET:
        return None
    if body.expires_days is not UNSET:
        detail = "say after how many days, or when, and not both"
        raise Problem("CONTRADICTING_FIELDS", detail, field="expires_at")
    return moment(body.expires_at, "expires_at")


def _fence(desk: Desk, body: NewMachineKey) -> Fence:
    """What the three lists name. Raises Problem ``UNKNOWN_STRATEGY``, ``UNKNOWN_ACCOUNT``, and as `known`."""
    strategies = body.strategies or []
    for place, strategy in enumerate(strategies):
        field = f"strategies[{place}]"
        if checked_name(strategy, field) not in desk.state.strategies:
            raise Problem("UNKNOWN_STRATEGY", f"no strategy {strategy}", field=field)
    accounts = [
        known_account(desk, checked_name(one, f"accounts[{place}]"), f"accounts[{place}]")
        for place, one in enumerate(body.accounts or [])
    ]
    instruments = [
        known(desk, str(one), f"instruments[{place}]").key
        for place, one in enumerate(body.instruments or [])
    ]
    return Fence(frozenset(strategies), frozenset(instruments), frozenset(accounts))


_SHARED = ("LOGINS_OFF", "STORE_FAILED")

doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_keys,
        "All machine keys",
        KeyList,
        policy=ADMINISTER,
        tag="identity",
        query=KeyQuery,
        problems=_SHARED,
    ),
    Door(
        "POST",
        PATH,
        post_key,
        "Make a machine key",
        KeyCreatedAnswer,
        policy=ADMINISTER,
        tag="identity",
        about="The token is shown once; only its hash is kept. Instruments are kept by their keys of this "
        "moment. A key can neither manage users and keys nor approve: that is for people.",
        body=NewMachineKey,
        body_max=BODY_MAX,
        examples=examples.NEW_KEY,
        problems=(
            *_SHARED,
            *("MISSING_FIELD", "UNKNOWN_FIELD", "EMPTY_TEXT", "TEXT_TOO_LONG", "INVALID_TEXT"),
            *("INVALID_VALUE", "INVALID_TIME", "CONTRADICTING_FIELDS", "INVALID"),
            *("UNKNOWN_STRATEGY", "UNKNOWN_INSTRUMENT", "AMBIGUOUS_TOKEN", "UNKNOWN_ACCOUNT"),
            *("NAME_TAKEN", "TOO_MANY"),
        ),
        answers={"made": examples.KEY_MADE},
    ),
    Door(
        "DELETE",
        f"{PATH}/{{key_id}}",
        revoke_key,
        "Revoke a machine key",
        KeyRevokedAnswer,
        policy=ADMINISTER,
        tag="identity",
        about="From its next request on the key opens nothing. It stays in the list, and its name taken, "
        "for 90 days. What it asked for and waits, for its time or for approval, goes on: `held` names it; "
        "cancel what should not.",
        problems=(*_SHARED, "NO_SUCH_KEY"),
    ),
)
