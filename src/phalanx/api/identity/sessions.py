"""Sessions: who is logged in from where, and putting an end to it."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from phalanx.access.errors import AccessCode, AccessError
from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.identity import examples
from phalanx.api.identity.callers import (
    USER_NAME_MAX,
    answer_private,
    directory_of,
    person_of,
    text,
    time_of,
)
from phalanx.api.identity.logins import LogoutAnswer
from phalanx.api.lists import Limit, Skip, page
from phalanx.api.policy import KNOWN
from phalanx.api.problems import Problem
from phalanx.domain.access import Permission
from phalanx.domain.audit import Act

if TYPE_CHECKING:
    from phalanx.access.picture import Session

PATH: Final = "/api/v1/sessions"
EVERYBODY: Final = "*"


class SessionQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose: one's own; an admin may name another user, or ``*`` for everybody."""

    user: Annotated[str, Meta(description="a user's name, or * for everybody")] | None = None
    skip: Skip = 0
    limit: Limit = 1_000


class SessionAnswer(msgspec.Struct, frozen=True):
    """A session that goes on. ``address`` and ``agent``: from where it was begun, and with what, as that said
    itself. ``current``: it is the one that asks.
    """

    session: str
    user: str
    created_at: str
    refreshed_at: str
    expires_at: str
    address: str
    agent: str
    current: bool


class SessionList(msgspec.Struct, frozen=True):
    """Sessions, the newest first."""

    items: list[SessionAnswer]
    total: int


async def list_sessions(call: Call) -> Answer:
    """Sessions that go on."""
    query = call.query(SessionQuery)
    wanted = _whose(call, query.user)
    directory = directory_of(call)
    found = await asyncio.to_thread(directory.sessions.list, wanted)
    names = directory.store.picture.users
    items = [_answer(call, one, names[one.user_id].name) for one in page(found, query)]
    return answer_private(SessionList(items, len(found)))


async def end_session(call: Call) -> Answer:
    """A session ends, and with it all of its tokens."""
    from phalanx.access.sessions import End

    session = call.path("session_id")
    me, directory = person_of(call), directory_of(call)
    owner = None if call.principal.may(Permission.ADMIN) else me.id
    found = directory.sessions.live(session)
    if found is None:
        raise AccessError(AccessCode.NO_SUCH_SESSION, "there is no such session")
    await asyncio.to_thread(directory.sessions.end, session, End.REVOKED, owner=owner)
    whose = directory.store.picture.users[found.user_id].name
    call.record(Act.SESSION_ENDED, whose, f"session {session}")
    return answer_private(LogoutAnswer(session, ended=True))


def _whose(call: Call, asked: str | None) -> int | None:
    """The number of the user that is meant; None for everybody. Raises Problem FORBIDDEN, AccessError."""
    name = None if asked is None else text(asked, "user", USER_NAME_MAX)
    me = person_of(call)
    if name is None or name.lower() == me.name.lower():
        return me.id
    if not call.principal.may(Permission.ADMIN):
        raise Problem("FORBIDDEN", "an admin may look at the sessions of others")
    return None if name == EVERYBODY else directory_of(call).users.get(name).id


def _answer(call: Call, session: "Session", user: str) -> SessionAnswer:
    return SessionAnswer(
        session.id,
        user,
        time_of(call, session.created_at),
        time_of(call, session.rotated_at),
        time_of(call, session.expires_at),
        session.address,
        session.agent,
        current=session.id == call.principal.session,
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_sessions,
        "Sessions that go on",
        SessionList,
        policy=KNOWN,
        tag="identity",
        about="One's own; an admin may ask for another user's, or with `user=*` for everybody's.",
        query=SessionQuery,
        problems=("PERSON_NEEDED", "LOGINS_OFF", "NO_SUCH_USER"),
    ),
    Door(
        "DELETE",
        f"{PATH}/{{session_id}}",
        end_session,
        "End a session",
        LogoutAnswer,
        policy=KNOWN,
        tag="identity",
        about="One's own, or as an admin any. Its access tokens are good for nothing from then on, and "
        "sockets that it opened are closed.",
        problems=("PERSON_NEEDED", "LOGINS_OFF", "NO_SUCH_SESSION", "STORE_FAILED"),
        answers={"ended": examples.ENDED},
    ),
)
