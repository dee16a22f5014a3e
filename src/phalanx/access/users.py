"""Users: made, changed and shut out by an admin; each changes their own password."""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import func, insert, select, update

from phalanx.access.confirming import Confirming
from phalanx.access.errors import AccessCode, AccessError, invalid, no_such_user
from phalanx.access.passwords import Passwords, check_new_password
from phalanx.access.picture import User
from phalanx.access.sessions import End, end_sessions
from phalanx.access.store import AccessStore, Change
from phalanx.access.tables import recovery_codes, sessions, users
from phalanx.domain.access import Role
from phalanx.domain.secrets import Secret
from phalanx.domain.time import Clock, Nanoseconds

USERS_MAX: Final = 10_000
CLIENT_IDS_MAX: Final = 100
CLIENT_ID_MAX: Final = 2**53 - 1
FIRST_ADMIN: Final = "admin"
RESERVED: Final = frozenset({"local", "desk", "nobody"})
"""Names that the journal gives to acts of no user."""
is_user_name: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", re.ASCII).fullmatch


class Duties(msgspec.Struct, frozen=True):
    """What a user is here for. A client names its clients; nobody else does.

    ``may_trade`` says whether a client may place its own orders; the other roles say it themselves.
    """

    role: Role
    client_ids: tuple[int, ...] = ()
    may_trade: bool = False


class Amendment(msgspec.Struct, frozen=True):
    """What is to be another way about a user; None: as it is. Who gets another role and no clients has none."""

    role: Role | None = None
    client_ids: tuple[int, ...] | None = None
    may_trade: bool | None = None
    is_enabled: bool | None = None

    def duties_of(self, user: User) -> Duties:
        """What the user is here for then."""
        role = user.role if self.role is None else self.role
        stays = role is user.role
        ids = (user.client_ids if stays else ()) if self.client_ids is None else self.client_ids
        may_trade = user.may_trade and stays if self.may_trade is None else self.may_trade
        return Duties(role, ids, may_trade)


class Created(msgspec.Struct, frozen=True):
    """A new user, or one with a new password: ``password`` is shown once and must be changed at once.

    It is None where the password was given.
    """

    user: User
    password: Secret | None


class Users:
    """The users of a store. Thread-safe. A name is found in whichever case."""

    def __init__(
        self, store: AccessStore, passwords: Passwords, confirming: Confirming, clock: Clock
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._confirming = confirming
        self._clock = clock

    def first_admin(self) -> Created | None:
        """An admin, where there is no user at all: print the password, it is not kept. Raises THROTTLED."""
        if self._store.picture.users:
            return None
        return self.create(FIRST_ADMIN, Duties(Role.ADMIN))

    def create(self, name: str, duties: Duties, password: Secret | None = None) -> Created:
        """A new user. Without a password they get one for their first login.

        Raises INVALID, WEAK_PASSWORD, NAME_TAKEN, TOO_MANY, THROTTLED.
        """
        check_name(name)
        _check(duties)
        if password is not None:
            check_new_password(name, password)
        chosen = self._passwords.one_time() if password is None else password
        hashed = self._passwords.hash(chosen)
        with self._store.change() as change:
            self._check_room(name)
            must_change = password is None
            add_user(change, name, duties, hashed, self._clock.now(), must_change=must_change)
        return Created(self.get(name), chosen if password is None else None)

    def get(self, name: str) -> User:
        """The user of this name. Raises NO_SUCH_USER."""
        user = self._store.picture.named(name)
        if user is None:
            raise no_such_user()
        return user

    def list(self) -> tuple[User, ...]:
        """Everybody, by name."""
        found = tuple(self._store.picture.users.values())
        return tuple(sorted(found, key=lambda user: user.name.lower()))

    def change_role(self, name: str, duties: Duties) -> User:
        """Give a user other duties, from their next request on. Raises NO_SUCH_USER, INVALID, LAST_ADMIN."""
        _check(duties)
        return self._change(name, lambda _: _written(duties), leaves=duties.role is not Role.ADMIN)

    def amend(self, name: str, amendment: Amendment) -> User:
        """Change several things about a user, all or none. Who is shut out has no session any more.

        Raises NO_SUCH_USER, INVALID, LAST_ADMIN.
        """

        def amended(user: User) -> dict[str, Any]:
            duties = amendment.duties_of(user)
            _check(duties)
            values = _written(duties)
            if amendment.is_enabled is not None:
                since = user.disabled_at or self._clock.now()
                values["disabled_at"] = None if amendment.is_enabled else since
            return values

        is_out = amendment.is_enabled is False
        leaves = is_out or amendment.role not in (None, Role.ADMIN)
        ending = End.DISABLED if is_out else None
        return self._change(name, amended, leaves=leaves, ending=ending)

    def disable(self, name: str) -> User:
        """Shut a user out: their sessions end. Raises NO_SUCH_USER, LAST_ADMIN."""

        def disabled(user: User) -> dict[str, Any]:
            return {"disabled_at": user.disabled_at or self._clock.now()}

        return self._change(name, disabled, leaves=True, ending=End.DISABLED)

    def enable(self, name: str) -> User:
        """Let a user in again. Raises NO_SUCH_USER."""
        return self._change(name, lambda _: {"disabled_at": None})

    def reset_password(self, name: str) -> Created:
        """A password for one login, in the place of the old one; the user's sessions end.

        Raises NO_SUCH_USER, THROTTLED.
        """
        self.get(name)
        password = self._passwords.one_time()
        written = {"password_hash": self._passwords.hash(password).reveal(), "must_change": True}
        return Created(self._change(name, lambda _: written, ending=End.PASSWORD), password)

    def remove_totp(self, name: str) -> User:
        """Take the second factor off a user who has lost it. Raises NO_SUCH_USER."""
        with self._store.change() as change:
            user = self.get(name)
            forget_totp(change, user.id, self._clock)
        return self.get(name)

    def change_password(self, user_id: int, session: str, old: Secret, new: Secret) -> User:
        """A user's own new password; their other sessions end.

        Raises WRONG_PASSWORD, WEAK_PASSWORD, THROTTLED.
        """
        user = self._store.picture.users[user_id]
        check_new_password(user.name, new)
        self._confirming.password_of(user, old)
        if new == old:
            raise AccessError(AccessCode.WEAK_PASSWORD, "the new password is the old one")
        hashed = self._passwords.hash(new)
        with self._store.change() as change:
            # Somebody may have reset it while this one was hashed: that one stands.
            if not replace_hash(
                change, user, hashed, must_change=False, changed_at=self._clock.now()
            ):
                raise AccessError(AccessCode.WRONG_PASSWORD, "the password was changed meanwhile")
            others = (sessions.c.user_id == user_id) & (sessions.c.id != session)
            end_sessions(change, self._clock.now(), End.PASSWORD, others)
        return self._store.picture.users[user_id]

    def _change(
        self,
        name: str,
        written: Callable[[User], dict[str, Any]],
        *,
        leaves: bool = False,
        ending: End | None = None,
    ) -> User:
        """Write to a user's row; ``leaves``: they are no enabled admin any more when it is done."""
        with self._store.change() as change:
            user = self.get(name)
            if leaves:
                self._check_not_last(user)
            now = self._clock.now()
            of_user = users.c.id == user.id
            values = written(user) | {"changed_at": now}
            change.connection.execute(update(users).where(of_user).values(values))
            change.users.add(user.id)
            if ending is not None:
                end_sessions(change, now, ending, sessions.c.user_id == user.id)
        return self._store.picture.users[user.id]

    def _check_not_last(self, user: User) -> None:
        """Raises LAST_ADMIN. Only an enabled admin with a password of their own is one that is left: one who
        was given a password may never have had it, and whoever gave it is about to leave.
        """
        others = (one for one in self._store.picture.users.values() if one.id != user.id)
        is_left = any(_is_enabled_admin(one) and not one.must_change for one in others)
        if _is_enabled_admin(user) and not is_left:
            detail = f"{user.name} is the last enabled admin who has a password of their own"
            raise AccessError(AccessCode.LAST_ADMIN, detail)

    def _check_room(self, name: str) -> None:
        if self._store.picture.named(name) is not None:
            raise AccessError(AccessCode.NAME_TAKEN, "there is a user of this name")
        if len(self._store.picture.users) >= USERS_MAX:
            raise AccessError(AccessCode.TOO_MANY, f"there are {USERS_MAX} users")


def check_name(name: str) -> None:
    """Raises INVALID for what a new user cannot be called."""
    if not is_user_name(name) or name.lower() in RESERVED:
        raise invalid(
            "a name has 1 to 64 letters, digits and ._@+-, and is not local, desk or nobody"
        )


def add_user(
    change: Change,
    name: str,
    duties: Duties,
    hashed: Secret,
    now: Nanoseconds,
    *,
    must_change: bool,
) -> None:
    """Write a new user's row; the name is free. Part of a change."""
    row = _written(duties) | {
        "name": name,
        "password_hash": hashed.reveal(),
        "must_change": must_change,
        "created_at": now,
        "changed_at": now,
    }
    id = change.connection.execute(insert(users).values(row).returning(users.c.id))
    change.users.add(id.scalar_one())


def replace_hash(change: Change, user: User, hashed: Secret, **also: object) -> bool:
    """Write another hash, unless the one that ``user`` shows is not there any more; whether it was written."""
    unchanged = (users.c.id == user.id) & (users.c.password_hash == user.password_hash.reveal())
    values = {"password_hash": hashed.reveal(), **also}
    found = change.connection.execute(update(users).where(unchanged).values(values))
    change.users.add(user.id)
    return found.rowcount == 1


def is_current(change: Change, user: User) -> bool:
    """Whether a user is enabled and has the password that ``user`` shows, in this transaction."""
    query = select(func.count()).where(
        users.c.id == user.id,
        users.c.password_hash == user.password_hash.reveal(),
        users.c.disabled_at.is_(None),
    )
    return change.connection.scalar(query) == 1


def forget_totp(change: Change, user_id: int, clock: Clock) -> None:
    """No second factor, and no code that stands for one."""
    values = {"totp": None, "totp_last_step": None, "changed_at": clock.now()}
    change.connection.execute(update(users).where(users.c.id == user_id).values(values))
    change.connection.execute(recovery_codes.delete().where(recovery_codes.c.user_id == user_id))
    change.users.add(user_id)


def _check(duties: Duties) -> None:
    ids = duties.client_ids
    if (duties.role is Role.CLIENT) != bool(ids):
        raise invalid("a client names its clients, and nobody else does")
    if duties.may_trade and duties.role is not Role.CLIENT:
        raise invalid(
            "whether they may trade is said of clients; the other roles say it themselves"
        )
    if len(ids) > CLIENT_IDS_MAX or not all(0 <= id <= CLIENT_ID_MAX for id in ids):
        raise invalid(f"at most {CLIENT_IDS_MAX} clients, by their numbers")


def _written(duties: Duties) -> dict[str, Any]:
    return {
        "role": duties.role.value,
        "client_ids": msgspec.json.encode(sorted(set(duties.client_ids))).decode(),
        "may_trade": duties.may_trade,
    }


def _is_enabled_admin(user: User) -> bool:
    return user.role is Role.ADMIN and user.disabled_at is None
