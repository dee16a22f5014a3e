"""Users, for admins: made, given other duties, shut out, helped when a password or a phone is lost."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.identity import examples
from phalanx.api.identity.callers import (
    USER_NAME_MAX,
    Password,
    UserName,
    answer_private,
    directory_of,
    password,
    text,
    time_of,
)
from phalanx.api.identity.still_held import NOTHING_HELD, still_held
from phalanx.api.lists import LIMIT_MAX, Limit, Skip, page
from phalanx.api.policy import ADMINISTER
from phalanx.api.problems import Problem
from phalanx.api.shapes import ClientId
from phalanx.domain.access import Role
from phalanx.domain.audit import Act

if TYPE_CHECKING:
    from phalanx.access.picture import User
    from phalanx.access.users import Created

PATH: Final = "/api/v1/users"
CLIENTS_MAX: Final = 100
RoleName: TypeAlias = Literal["admin", "trader", "viewer", "client"]
ClientIds: TypeAlias = Annotated[list[ClientId], Meta(max_length=CLIENTS_MAX)]


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who may come in. ``clients``: whom a client is, or acts for; ``may_trade``: whether a client
    may place its own orders. Without a ``password`` one is drawn, for the first login.
    """

    name: UserName
    role: RoleName
    clients: ClientIds | UnsetType = UNSET
    may_trade: bool | UnsetType = UNSET
    password: Password | UnsetType = UNSET


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be another way about a user; what is absent stays. Who gets another role and no ``clients``
    has none.
    """

    role: RoleName | UnsetType = UNSET
    clients: ClientIds | UnsetType = UNSET
    may_trade: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class UserAnswer(msgspec.Struct, frozen=True):
    """A user. ``must_change``: the password was given to them, and they have not chosen their own yet."""

    name: str
    role: RoleName
    clients: list[int]
    may_trade: bool
    enabled: bool
    second_factor: Literal["off", "waiting", "on"]
    must_change: bool
    created_at: str
    changed_at: str


class UserCreatedAnswer(UserAnswer, frozen=True):
    """A user, with a ``password`` for one login where one was drawn: it is shown once."""

    password: str | None


class UserChangedAnswer(UserAnswer, frozen=True):
    """A user. ``held``: of one who is not ``enabled`` what they asked for and still waits, for its time or
    for approval; the first 100 of ``held_total``. It goes on unless it is cancelled.
    """

    held: list[str]
    held_total: int


class UserList(msgspec.Struct, frozen=True):
    """Users, by name."""

    items: list[UserAnswer]
    total: int


class UserQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the users."""

    skip: Skip = 0
    limit: Limit = LIMIT_MAX


_new: Body[NewUser] = Body(NewUser)
_change: Body[UserChange] = Body(UserChange)


async def list_users(call: Call) -> Answer:
    """Everybody who may come in, or might once."""
    query = call.query(UserQuery)
    found = directory_of(call).users.list()
    items = [user_answer(call, user) for user in page(found, query)]
    return answer_private(UserList(items, len(found)))


async def get_user(call: Call) -> Answer:
    """One user."""
    return answer_private(user_answer(call, directory_of(call).users.get(_named(call))))


async def post_user(call: Call) -> Answer:
    """A new user."""
    from phalanx.access.users import Duties

    body = call.decode(_new)
    name = text(body.name, "name", USER_NAME_MAX)
    given = None if body.password is UNSET else password(body.password, "password")
    users = directory_of(call).users
    clients = () if body.clients is UNSET else _clients(call, body.clients)
    duties = Duties(Role(body.role), clients, body.may_trade is True)
    created = await asyncio.to_thread(users.create, name, duties, given)
    call.record(Act.USER_CREATED, created.user.name, _duties_of(created.user))
    return answer_private(_created_answer(call, created))


async def patch_user(call: Call) -> Answer:
    """A user gets other duties, is shut out, or let in again."""
    from phalanx.access.users import Amendment

    name, body = _named(call), call.decode(_change)
    users = directory_of(call).users
    amendment = Amendment(
        None if body.role is UNSET else Role(body.role),
        None if body.clients is UNSET else _clients(call, body.clients),
        None if body.may_trade is UNSET else body.may_trade,
        None if body.enabled is UNSET else body.enabled,
    )
    before = users.get(name)
    after = await asyncio.to_thread(users.amend, name, amendment)
    if _duties_of(before) != _duties_of(after):
        call.record(Act.USER_CHANGED, after.name, _duties_of(after))
    if (before.disabled_at is None) != (after.disabled_at is None):
        act = Act.USER_ENABLED if after.disabled_at is None else Act.USER_DISABLED
        call.record(act, after.name)
    return answer_private(_changed_answer(call, after))


async def reset_password(call: Call) -> Answer:
    """A user's password is replaced by one for one login."""
    name = _somebody_else(call, "change your own password with the old one")
    users = directory_of(call).users
    created = await asyncio.to_thread(users.reset_password, name)
    call.record(Act.PASSWORD_RESET, created.user.name)
    return answer_private(_created_answer(call, created))


async def remove_totp(call: Call) -> Answer:
    """A user's second factor goes."""
    name = _somebody_else(call, "take off your own second factor with your password")
    users = directory_of(call).users
    user = await asyncio.to_thread(users.remove_totp, name)
    call.record(Act.TOTP_DISABLED, user.name)
    return answer_private(user_answer(call, user))


def user_answer(call: Call, user: "User") -> UserAnswer:
    """A user, without anything that is secret."""
    return UserAnswer(
        user.name,
        user.role.value,
        list(user.client_ids),
        user.may_trade,
        user.disabled_at is None,
        user.totp.value,
        user.must_change,
        time_of(call, user.created_at),
        time_of(call, user.changed_at),
    )


def _changed_answer(call: Call, user: "User") -> UserChangedAnswer:
    is_out = user.disabled_at is not None
    held = still_held(call.desk.state, user.name) if is_out else NOTHING_HELD
    shown = msgspec.structs.asdict(user_answer(call, user))
    return UserChangedAnswer(**shown, held=held.ids, held_total=held.total)


def _created_answer(call: Call, created: "Created") -> UserCreatedAnswer:
    shown = msgspec.structs.asdict(user_answer(call, created.user))
    drawn = None if created.password is None else created.password.reveal()
    return UserCreatedAnswer(**shown, password=drawn)


def _named(call: Call) -> str:
    return text(call.path("name"), "name", USER_NAME_MAX)


def _somebody_else(call: Call, advice: str) -> str:
    """The user of the path. A stolen access token must not be enough to take over its own user: that asks
    for the password. Raises Problem FORBIDDEN.
    """
    name = _named(call)
    if name.lower() == call.principal.name.lower():
        raise Problem("FORBIDDEN", advice)
    return name


def _clients(call: Call, ids: list[int]) -> tuple[int, ...]:
    """Raises Problem ``UNKNOWN_CLIENT``."""
    for place, id in enumerate(ids):
        if id not in call.desk.state.clients:
            raise Problem("UNKNOWN_CLIENT", f"no client {id}", field=f"clients[{place}]")
    return tuple(ids)


def _duties_of(user: "User") -> str:
    """What a user is here for, in the few words of the record."""
    words = [f"role {user.role}"]
    if user.client_ids:
        words.append(f"clients {' '.join(map(str, user.client_ids[:10]))}")
        words.append(f"{len(user.client_ids)} in all")
    if user.may_trade:
        words.append("may trade")
    return ", ".join(words)


_SHARED = ("LOGINS_OFF", "STORE_FAILED")
_DUTIES = ("MISSING_FIELD", "UNKNOWN_FIELD", "INVALID_VALUE", "INVALID", "UNKNOWN_CLIENT")

doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_users,
        "All users",
        UserList,
        policy=ADMINISTER,
        tag="identity",
        query=UserQuery,
        problems=_SHARED,
    ),
    Door(
        "POST",
        PATH,
        post_user,
        "Make a user",
        UserCreatedAnswer,
        policy=ADMINISTER,
        tag="identity",
        about="Without a `password` one is drawn and shown once; it opens the door to one of the user's "
        "own choice, and no other.",
        body=NewUser,
        examples=examples.NEW_USER,
        problems=(
            *(*_SHARED, *_DUTIES, "EMPTY_TEXT", "TEXT_TOO_LONG", "INVALID_TEXT"),
            *("WEAK_PASSWORD", "NAME_TAKEN", "TOO_MANY", "THROTTLED"),
        ),
        answers={"with a password for one login": examples.USER_MADE},
    ),
    Door(
        "GET",
        f"{PATH}/{{name}}",
        get_user,
        "One user",
        UserAnswer,
        policy=ADMINISTER,
        tag="identity",
        problems=(*_SHARED, "NO_SUCH_USER", "TEXT_TOO_LONG", "INVALID_TEXT"),
    ),
    Door(
        "PATCH",
        f"{PATH}/{{name}}",
        patch_user,
        "Change a user",
        UserChangedAnswer,
        policy=ADMINISTER,
        tag="identity",
        about="All of it or nothing. Who is not `enabled` is shut out at once: their sessions end; what "
        "they asked for and waits, for its time or for approval, goes on, and `held` names it. Other "
        "duties count from their next request on. There is always one enabled admin.",
        body=UserChange,
        examples=examples.USER_CHANGE,
        problems=(*_SHARED, *_DUTIES, "NO_SUCH_USER", "LAST_ADMIN"),
    ),
    Door(
        "POST",
        f"{PATH}/{{name}}/reset-password",
        reset_password,
        "Give a user a password for one login",
        UserCreatedAnswer,
        policy=ADMINISTER,
        tag="identity",
        about="It is shown once. The user's sessions end. Not for oneself: that asks for the password.",
        problems=(*_SHARED, "NO_SUCH_USER", "THROTTLED"),
        answers={"reset": examples.USER_MADE},
    ),
    Door(
        "DELETE",
        f"{PATH}/{{name}}/totp",
        remove_totp,
        "Take a user's second factor off",
        UserAnswer,
        policy=ADMINISTER,
        tag="identity",
        about="For who has lost it. Not for oneself: that asks for the password.",
        problems=(*_SHARED, "NO_SUCH_USER"),
    ),
)
