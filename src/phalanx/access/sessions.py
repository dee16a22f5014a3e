"""Sessions: from a login to its end, with a refresh token that is another one after each use.

A refresh token is ``phr_<session>_<family><newest>``: the family part proves that it is of this session, the
newest part that it was not used before. One that is of the family and was used ends the session: either it
was stolen, or the thief was first. This is strict on purpose: a client whose answer was lost on the way
logs in again.
"""

import re
from base64 import urlsafe_b64encode
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, delete, insert, select, true, update

from phalanx.access.errors import (
    AccessCode,
    AccessError,
    RefreshReused,
    session_ended,
    unauthenticated,
)
from phalanx.access.picture import Session
from phalanx.access.store import AccessStore, Change
from phalanx.access.tables import sessions
from phalanx.domain.names import is_printable
from phalanx.domain.secrets import Secret
from phalanx.domain.time import HOUR, Clock, Nanoseconds, Random

PREFIX: Final = "phr"
ID_BYTES: Final = 16
SECRET_BYTES: Final = 32
ADDRESS_CHARACTERS_MAX: Final = 64
AGENT_CHARACTERS_MAX: Final = 200
LIVE_PER_USER_MAX: Final = 20
ENDED_PER_USER_MAX: Final = 50
OVER_AT_ONCE: Final = 500
_is_shaped: Final = re.compile(
    r"phr_([0-9a-f]{32})_([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{43})", re.ASCII
).fullmatch


class SessionRules(msgspec.Struct, frozen=True):
    """How long a session lives: in all, and without being refreshed."""

    life_ns: Nanoseconds = 12 * HOUR
    idle_ns: Nanoseconds = HOUR


class End(StrEnum):
    """Why a session ended."""

    LOGOUT = "logout"
    REVOKED = "revoked"
    EXPIRED = "expired"
    REUSED = "refresh token used twice"
    TOO_MANY = "too many sessions"
    DISABLED = "user disabled"
    PASSWORD = "password changed"  # noqa: S105 -- a reason


class Refreshed(msgspec.Struct, frozen=True):
    """A session and its newest refresh token. ``by_recovery_code``: it began with one."""

    session: Session
    token: Secret
    by_recovery_code: bool = False


class Sessions:
    """The sessions of a store. Thread-safe."""

    def __init__(
        self, store: AccessStore, clock: Clock, random: Random, rules: SessionRules
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._rules = rules

    def begin(
        self,
        change: Change,
        user_id: int,
        address: str,
        agent: str,
        *,
        by_recovery_code: bool = False,
    ) -> Refreshed:
        """A new session of a user; the oldest ends where they have too many. Part of a change."""
        self._make_room(change, user_id)
        now = self._clock.now()
        family, newest = self._secret(), self._secret()
        session = Session(
            self._random.token(ID_BYTES).hex(),
            user_id,
            _hash(family),
            _hash(newest),
            now,
            now,
            now + self._rules.life_ns,
            _shown(address, ADDRESS_CHARACTERS_MAX),
            _shown(agent, AGENT_CHARACTERS_MAX),
        )
        change.connection.execute(insert(sessions).values(msgspec.structs.asdict(session)))
        change.sessions.add(session.id)
        return Refreshed(session, _token(session.id, family, newest), by_recovery_code)

    def refresh(self, token: Secret) -> Refreshed:
        """The session of a refresh token, with the next token; this one is used up.

        Raises UNAUTHENTICATED, SESSION_ENDED (also where this is what ends it: RefreshReused).
        """
        parts = _parts(token)
        if parts is None:
            raise unauthenticated()
        id, family, newest = parts
        self._check_family(id, family)
        with self._store.change() as change:
            # Once more, under the lock: it may have ended, or another refresh was first.
            session = self._store.picture.sessions.get(id)
            if session is None:
                raise session_ended()
            why = self._over(session)
            if why is None and not compare_digest(_hash(newest), session.refresh_hash):
                why = End.REUSED
            if why is None:
                return self._rotated(change, session, family)
            end_sessions(change, self._clock.now(), why, sessions.c.id == id)
        if why is End.REUSED:
            raise RefreshReused(id, self._store.picture.users[session.user_id].name)
        raise session_ended()

    def live(self, id: str) -> Session | None:
        """The session of this id, unless it is over."""
        session = self._store.picture.sessions.get(id)
        return None if session is None or self._over(session) else session

    def list(self, user_id: int | None = None) -> tuple[Session, ...]:
        """The sessions of a user, or of everybody, that are not over, the newest first."""
        found = [
            one
            for one in tuple(self._store.picture.sessions.values())
            if user_id in (None, one.user_id) and not self._over(one)
        ]
        return tuple(sorted(found, key=lambda one: (one.created_at, one.id), reverse=True))

    def end(self, id: str, why: End, *, owner: int | None = None) -> None:
        """End a session, of this user only where one is named. Raises NO_SUCH_SESSION."""
        is_it = sessions.c.id == id
        if owner is not None:
            is_it &= sessions.c.user_id == owner
        with self._store.change() as change:
            if not end_sessions(change, self._clock.now(), why, is_it):
                raise AccessError(AccessCode.NO_SUCH_SESSION, "there is no such session")

    def end_all(self, user_id: int, why: End) -> int:
        """End every session of a user; how many there were."""
        with self._store.change() as change:
            return end_sessions(change, self._clock.now(), why, sessions.c.user_id == user_id)

    def end_those_over(self, change: Change) -> None:
        """Say of some sessions that are over that they are, so that nobody keeps them in memory."""
        over = [one.id for one in tuple(self._store.picture.sessions.values()) if self._over(one)]
        end_sessions(change, self._clock.now(), End.EXPIRED, sessions.c.id.in_(over[:OVER_AT_ONCE]))

    def _check_family(self, id: str, family: Secret) -> None:
        """Only who has, or had, a token of the session comes as far as the disk."""
        session = self._store.picture.sessions.get(id)
        if session is None:
            raise session_ended()
        if not compare_digest(_hash(family), session.family_hash):
            raise unauthenticated()

    def _rotated(self, change: Change, session: Session, family: Secret) -> Refreshed:
        newest, now = self._secret(), self._clock.now()
        session = msgspec.structs.replace(session, refresh_hash=_hash(newest), rotated_at=now)
        change.connection.execute(
            update(sessions)
            .where(sessions.c.id == session.id)
            .values(refresh_hash=session.refresh_hash, rotated_at=now)
        )
        change.sessions.add(session.id)
        return Refreshed(session, _token(session.id, family, newest))

    def _over(self, session: Session) -> End | None:
        now = self._clock.now()
        is_over = now >= session.expires_at or now >= session.rotated_at + self._rules.idle_ns
        return End.EXPIRED if is_over else None

    def _make_room(self, change: Change, user_id: int) -> None:
        mine = (sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
        newest = sessions.c.created_at.desc(), sessions.c.id
        kept = select(sessions.c.id).where(*mine).order_by(*newest).limit(LIVE_PER_USER_MAX - 1)
        others = (sessions.c.user_id == user_id) & sessions.c.id.not_in(kept)
        end_sessions(change, self._clock.now(), End.TOO_MANY, others)

    def _secret(self) -> Secret:
        return Secret(urlsafe_b64encode(self._random.token(SECRET_BYTES)).rstrip(b"=").decode())


def end_sessions(
    change: Change, now: Nanoseconds, why: End, which: ColumnElement[bool] | None = None
) -> int:
    """End those of the live sessions that are meant, and forget the oldest ended ones; how many ended."""
    live = sessions.c.ended_at.is_(None) & (true() if which is None else which)
    ending = update(sessions).where(live).values(ended_at=now, ended_why=why.value)
    ended = change.connection.execute(ending.returning(sessions.c.id, sessions.c.user_id)).all()
    change.sessions.update(row.id for row in ended)
    for user_id in sorted({row.user_id for row in ended}):
        _forget_ended(change, user_id)
    return len(ended)


def _forget_ended(change: Change, user_id: int) -> None:
    ended: tuple[Any, ...] = (sessions.c.user_id == user_id, sessions.c.ended_at.is_not(None))
    newest = sessions.c.ended_at.desc(), sessions.c.id
    kept = select(sessions.c.id).where(*ended).order_by(*newest).limit(ENDED_PER_USER_MAX)
    change.connection.execute(delete(sessions).where(*ended, sessions.c.id.not_in(kept)))


# Tokens are in the clear in the functions below, and these raise nothing: a traceback that shows the local
# names of its frames shows none of them.


def _token(id: str, family: Secret, newest: Secret) -> Secret:
    return Secret(f"{PREFIX}_{id}_{family.reveal()}{newest.reveal()}")


def _parts(token: Secret) -> tuple[str, Secret, Secret] | None:
    """Session, family part, newest part; None for what has another shape."""
    found = _is_shaped(token.reveal())
    return None if found is None else (found[1], Secret(found[2]), Secret(found[3]))


def _hash(secret: Secret) -> bytes:
    return sha256(secret.reveal().encode()).digest()


def _shown(text: str, characters_max: int) -> str:
    """What a stranger says about itself, as a list may show it."""
    cut = text[:characters_max]
    return cut if is_printable(cut) else ascii(cut)[1:-1][:characters_max]
