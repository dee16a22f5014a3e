"""Logging in, staying in, and going."""

import asyncio
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from phalanx.access.errors import AccessCode, AccessError, RefreshReused, unauthenticated
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.facts import UNKNOWN
from phalanx.api.identity import examples
from phalanx.api.identity.callers import (
    USER_NAME_MAX,
    Code,
    Password,
    UserName,
    answer_private,
    code,
    directory_of,
    password,
    person_of,
    text,
    time_of,
)
from phalanx.api.identity.refresh_cookie import clear_cookie, read_cookie, set_cookie
from phalanx.api.peers import address_of
from phalanx.api.policy import OWING, PUBLIC
from phalanx.api.problems import as_problem
from phalanx.domain.audit import Act
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND

if TYPE_CHECKING:
    from phalanx.access.directory import Tokens

REFRESH_TOKEN_MAX: Final = 200
_FAILED: Final = {
    AccessCode.UNAUTHENTICATED: Act.LOGIN_FAILED,
    AccessCode.THROTTLED: Act.LOGIN_THROTTLED,
}
_OVER: Final = frozenset({AccessCode.UNAUTHENTICATED, AccessCode.SESSION_ENDED})


class NewLogin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who somebody is, and what proves it. ``code``: of the authenticator, or a recovery code. ``cookie``: for
    browsers; the refresh token is kept where no script reads it.
    """

    user: UserName
    password: Password
    code: Code | UnsetType = UNSET
    cookie: bool | UnsetType = UNSET


class Refresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The refresh token; without one, that of the cookie."""

    refresh_token: str | UnsetType = UNSET


class LoginAnswer(msgspec.Struct, frozen=True):
    """What a session goes on with. ``access_token`` is for the header ``Authorization: Bearer …`` and lives
    ``expires_in`` seconds; ``refresh_token`` gives the next ones, once, and is null where a cookie holds
    it. ``must_change``: the password was given to you and has to be changed before anything else.
    """

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str | None
    session: str
    session_expires_at: str
    must_change: bool


class LogoutAnswer(msgspec.Struct, frozen=True):
    """A session that is over."""

    session: str
    ended: bool


_login: Body[NewLogin] = Body(NewLogin)
_refresh: Body[Refresh] = Body(Refresh)


async def log_in(call: Call) -> Answer:
    """A session, for whoever proves who they are."""
    from phalanx.access.login import Attempt

    body = call.decode(_login)
    attempt = Attempt(
        text(body.user, "user", USER_NAME_MAX),
        password(body.password, "password"),
        None if body.code is UNSET else code(body.code, "code"),
        address_of(call.scope),
        call.head.values.get(b"user-agent", b"").decode("latin-1"),
    )
    directory = directory_of(call)
    known = directory.store.picture.named(attempt.name)
    name = UNKNOWN if known is None else known.name
    try:
        # Here, on the loop: a flood takes neither a thread nor a place in the waiting room.
        directory.check_login(attempt)
        tokens = await call.house.logins.run(attempt.address, directory.login, attempt)
    except AccessError as error:
        # Where only the code is missing, the password was right: that is half of a login.
        if error.code in _FAILED:
            call.record(_FAILED[error.code], name)
        raise
    _be_the_user(call, tokens.session)
    call.record(Act.LOGIN, call.principal.name, f"session {tokens.session}")
    if tokens.by_recovery_code:
        call.record(Act.RECOVERY_CODE_USED, call.principal.name, f"session {tokens.session}")
    return _answer(call, tokens, with_cookie=body.cookie is True)


async def refresh_login(call: Call) -> Answer:
    """The next tokens of a session; the refresh token is used up. A cookie that is good for nothing is taken
    away.
    """
    body = call.decode(_refresh)
    if body.refresh_token is not UNSET:
        token = Secret(text(body.refresh_token, "refresh_token", REFRESH_TOKEN_MAX))
        return _answer(call, await _refreshed(call, token), with_cookie=False)
    kept = read_cookie(call)
    try:
        return _answer(call, await _refreshed(call, kept), with_cookie=True)
    except AccessError as error:
        if kept is None or error.code not in _OVER:
            raise
        problem = as_problem(error)
        problem.headers = (*problem.headers, clear_cookie())
        raise problem from None


async def _refreshed(call: Call, token: Secret | None) -> "Tokens":
    """Raises AccessError UNAUTHENTICATED, SESSION_ENDED, THROTTLED, STORE_FAILED."""
    directory = directory_of(call)
    if token is None:
        raise unauthenticated()
    address = address_of(call.scope)
    try:
        return await call.house.refreshes.run(address, directory.refresh, token)
    except RefreshReused as error:
        call.record(Act.REFRESH_REUSED, error.user, f"session {error.session}")
        raise


async def log_out(call: Call) -> Answer:
    """The session ends, and with it all of its tokens."""
    from phalanx.access.sessions import End

    user, session = person_of(call), call.principal.session
    sessions = directory_of(call).sessions
    await asyncio.to_thread(sessions.end, session, End.LOGOUT, owner=user.id)
    call.record(Act.LOGOUT, user.name, f"session {session}")
    return answer_private(LogoutAnswer(session, ended=True), clear_cookie())


def _be_the_user(call: Call, session: str) -> None:
    """From here on the call is that of whoever has just logged in."""
    directory = directory_of(call)
    live = directory.sessions.live(session)
    if live is not None:
        call.principal = directory.store.picture.users[live.user_id].principal(session)


def _answer(call: Call, tokens: "Tokens", *, with_cookie: bool) -> Answer:
    now = directory_of(call).now()
    body = LoginAnswer(
        tokens.access.reveal(),
        "Bearer",
        (tokens.access_expires_at - now) // SECOND,
        None if with_cookie else tokens.refresh.reveal(),
        tokens.session,
        time_of(call, tokens.session_expires_at),
        tokens.must_change,
    )
    if not with_cookie:
        return answer_private(body)
    life_s = (tokens.session_expires_at - now) // SECOND
    return answer_private(body, set_cookie(tokens.refresh, life_s))


_AUTH = "/api/v1/auth"
_TOKENS_PROBLEMS = ("LOGINS_OFF", "UNAUTHENTICATED", "THROTTLED", "STORE_FAILED")
_TEXT_PROBLEMS = ("MISSING_FIELD", "UNKNOWN_FIELD", "EMPTY_TEXT", "TEXT_TOO_LONG", "INVALID_TEXT")

doors: tuple[Door, ...] = (
    Door(
        "POST",
        f"{_AUTH}/login",
        log_in,
        "Log in",
        LoginAnswer,
        policy=PUBLIC,
        tag="identity",
        about="Whatever is wrong, the answer is the same. Where the user has a second factor, TOTP_NEEDED "
        "asks for its `code` once the password is right. After a few wrong tries from one place the "
        "next ones wait (THROTTLED, `Retry-After`): those of other places do not. With `cookie` the "
        "refresh token comes as a cookie that no script can read.",
        body=NewLogin,
        examples=examples.LOGIN,
        problems=(*_TOKENS_PROBLEMS, "TOTP_NEEDED", *_TEXT_PROBLEMS),
        answers={"for a program": examples.LOGGED_IN, "for a browser": examples.LOGGED_IN_COOKIE},
        # Not for its speed: what anybody may ask for, as often as they like, has the shortest way.
        hot=True,
    ),
    Door(
        "POST",
        f"{_AUTH}/refresh",
        refresh_login,
        "Stay logged in",
        LoginAnswer,
        policy=PUBLIC,
        tag="identity",
        about="A refresh token works once: the answer has the next one. One that comes a second time "
        "ends its session, because one of the two who had it has stolen it. Without a token in the "
        "body that of the cookie counts, for pages of this server only; one that opens nothing any more "
        "is taken away with the answer.",
        body=Refresh,
        body_optional=True,
        examples=examples.REFRESH,
        problems=(*_TOKENS_PROBLEMS, "SESSION_ENDED", *_TEXT_PROBLEMS),
        answers={"for a program": examples.LOGGED_IN, "for a browser": examples.LOGGED_IN_COOKIE},
    ),
    Door(
        "POST",
        f"{_AUTH}/logout",
        log_out,
        "Log out",
        LogoutAnswer,
        policy=OWING,
        tag="identity",
        about="The session's access tokens are good for nothing from then on, and its cookie is taken "
        "away.",
        problems=("PERSON_NEEDED", "LOGINS_OFF", "NO_SUCH_SESSION", "STORE_FAILED"),
        answers={"ended": examples.ENDED},
    ),
)
