"""What of ``access.db`` is kept in memory: users, live sessions, machine keys, public signing keys.

The picture is what a door looks at, so that it never waits for the disk. It is read from the tables and
from nothing else: after every change the rows it touched are read again, inside the same transaction.
Sealed things are not in it, because the vault may wrap their keys anew at any time.
"""

from collections.abc import Collection, Hashable, Iterable, MutableMapping
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from sqlalchemy import Column, Connection, Row, Select, select

from phalanx.access.tables import machine_keys, sessions, signing_keys, users
from phalanx.domain.access import (
    Fence,
    Permission,
    Principal,
    PrincipalKind,
    Role,
    permissions_of,
)
from phalanx.domain.secrets import Secret
from phalanx.domain.time import Nanoseconds

AnyRow: TypeAlias = Row[Any]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_client_ids: Final = msgspec.json.Decoder(tuple[int, ...]).decode
_scopes: Final = msgspec.json.Decoder(frozenset[Permission]).decode
_fence: Final = msgspec.json.Decoder(Fence).decode


class Totp(StrEnum):
    """Whether a user has a second factor."""

    OFF = "off"
    WAITING = "waiting"
    """Enrolled; the first code has not been seen, and none is asked for."""
    ON = "on"


class User(msgspec.Struct, frozen=True):
    """A user. ``disabled_at``: since when they may not come in; ``changed_at``: when an admin or they
    themselves last changed anything here.
    """

    id: int
    name: str
    role: Role
    password_hash: Secret
    must_change: bool
    client_ids: tuple[int, ...]
    may_trade: bool
    disabled_at: Nanoseconds | None
    totp: Totp
    created_at: Nanoseconds
    changed_at: Nanoseconds

    def principal(self, session: str) -> Principal:
        """Who they are in one of their sessions."""
        return Principal(
            self.name,
            PrincipalKind.USER,
            permissions_of(self.role, may_trade=self.may_trade),
            frozenset(self.client_ids) if self.role is Role.CLIENT else None,
            session=session,
        )


class Session(msgspec.Struct, frozen=True):
    """A session that has not ended; whether it is still young enough is asked when it is used."""

    id: str
    user_id: int
    family_hash: bytes
    refresh_hash: bytes
    created_at: Nanoseconds
    rotated_at: Nanoseconds
    expires_at: Nanoseconds
    address: str
    agent: str


class MachineKey(msgspec.Struct, frozen=True):
    """A machine key. ``hash`` is of its secret; ``last_used_at`` is an hour in which it was used."""

    id: str
    hash: bytes
    principal: Principal
    created_by: str
    created_at: Nanoseconds
    expires_at: Nanoseconds
    revoked_at: Nanoseconds | None
    last_used_at: Nanoseconds | None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.principal.name


class SigningKey(msgspec.Struct, frozen=True):
    """The public part of a key that signs access tokens, or did until it was retired."""

    kid: str
    public: bytes
    created_at: Nanoseconds
    retired_at: Nanoseconds | None


class Picture:
    """The tables in memory. Read by any thread at any time; changed by `take` under the store's lock.

    Every entry is frozen and replaced as a whole, so a reader sees it before a change or after it.
    """

    def __init__(self, connection: Connection) -> None:
        """Read everything."""
        self.users: dict[int, User] = {}
        self.names: dict[str, int] = {}
        self.sessions: dict[str, Session] = {}
        self.keys: dict[str, MachineKey] = {}
        self.signing_keys: dict[str, SigningKey] = {}
        self.take(Fresh(connection))

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, Picture) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def named(self, name: str) -> User | None:
        """The user of this name, in whichever case."""
        id = self.names.get(name.lower())
        return None if id is None else self.users[id]

    def take(self, fresh: "Fresh") -> None:
        """Show what was read; what was looked for and not found is no more."""
        for user in fresh.users.values():
            # A name must never lead to a number that is not there yet.
            self.users[user.id] = user
            self.names[user.name.lower()] = user.id
        _replace(self.sessions, fresh.touched_sessions, fresh.sessions)
        _replace(self.keys, fresh.touched_keys, fresh.keys)
        _replace(self.signing_keys, fresh.touched_signing_keys, fresh.signing_keys)


class Fresh:
    """Rows as they are now: those that were touched, or all (None). Users are never removed."""

    def __init__(
        self,
        connection: Connection,
        users: Collection[int] | None = None,
        sessions: Collection[str] | None = None,
        keys: Collection[str] | None = None,
        signing_keys: Collection[str] | None = None,
    ) -> None:
        self.touched_sessions = sessions or ()
        self.touched_keys = keys or ()
        self.touched_signing_keys = signing_keys or ()
        self.users = {one.id: one for one in _read_users(connection, users)}
        self.sessions = {one.id: one for one in _read_sessions(connection, sessions)}
        self.keys = {one.id: one for one in _read_keys(connection, keys)}
        self.signing_keys = {one.kid: one for one in _read_signing_keys(connection, signing_keys)}


def _replace(kept: MutableMapping[K, V], touched: Iterable[K], found: MutableMapping[K, V]) -> None:
    for key in touched:
        if key not in found:
            kept.pop(key, None)
    kept.update(found)


def _read_users(connection: Connection, ids: Collection[int] | None) -> list[User]:
    rows = _rows(connection, select(users).order_by(users.c.id), users.c.id, ids)
    return [_user(row) for row in rows]


def _read_sessions(connection: Connection, ids: Collection[str] | None) -> list[Session]:
    shown = [sessions.c[name] for name in Session.__struct_fields__]
    live = select(*shown).where(sessions.c.ended_at.is_(None))
    return [Session(*tuple(row)) for row in _rows(connection, live, sessions.c.id, ids)]


def _read_keys(connection: Connection, ids: Collection[str] | None) -> list[MachineKey]:
    rows = _rows(connection, select(machine_keys), machine_keys.c.id, ids)
    return [_key(row) for row in rows]


def _read_signing_keys(connection: Connection, kids: Collection[str] | None) -> list[SigningKey]:
    shown = [signing_keys.c[name] for name in SigningKey.__struct_fields__]
    rows = _rows(connection, select(*shown), signing_keys.c.kid, kids)
    return [SigningKey(*tuple(row)) for row in rows]


def _rows(
    connection: Connection,
    query: Select[*tuple[Any, ...]],
    column: Column[Any],
    wanted: Collection[object] | None,
) -> Iterable[AnyRow]:
    if wanted is None:
        return connection.execute(query)
    return connection.execute(query.where(column.in_(wanted))) if wanted else ()


def _user(row: AnyRow) -> User:
    is_on = row.totp_last_step is not None
    return User(
        row.id,
        row.name,
        Role(row.role),
        Secret(row.password_hash),
        row.must_change,
        _client_ids(row.client_ids),
        row.may_trade,
        row.disabled_at,
        Totp.OFF if row.totp is None else Totp.ON if is_on else Totp.WAITING,
        row.created_at,
        row.changed_at,
    )


def _key(row: AnyRow) -> MachineKey:
    return MachineKey(
        row.id,
        row.hash,
        Principal(
            row.name,
            PrincipalKind.MACHINE,
            _scopes(row.scopes),
            fence=_fence(row.fence),
            session=row.id,
            sponsor=row.created_by,
        ),
        row.created_by,
        row.created_at,
        row.expires_at,
        row.revoked_at,
        row.last_used_at,
    )
