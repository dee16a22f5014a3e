"""Rescue: whoever owns the data folder lets an admin in again, when no admin can come in.

It needs neither a login nor the key that seals: it takes a second factor away without opening it. Nobody
becomes mightier by it, for whoever may write ``access.db`` may write this into it.
"""

import msgspec
from sqlalchemy import update

from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.notes import write_note
from phalanx.access.passwords import Passwords
from phalanx.access.picture import Picture, User
from phalanx.access.sessions import End, end_sessions
from phalanx.access.store import AccessStore, Change
from phalanx.access.tables import sessions, users
from phalanx.access.users import FIRST_ADMIN, Duties, add_user, check_name, forget_totp
from phalanx.domain.access import Role
from phalanx.domain.audit import Act
from phalanx.domain.secrets import Secret
from phalanx.domain.time import Clock


class Rescued(msgspec.Struct, frozen=True):
    """An admin who can come in again, with a password for one login; ``is_new``: they were made."""

    user: User
    password: Secret
    is_new: bool


def rescue(
    store: AccessStore, passwords: Passwords, clock: Clock, name: str | None = None
) -> Rescued:
    """Give an admin a password for one login, enable them, take their second factor and their sessions away;
    where there is no admin at all, make one. What was done is noted in the same transaction.

    ``name``: which one; with one admin, or none, nobody needs to say. Throttles are in the memory of a server
    and end with it. Raises WHICH_ADMIN, NAME_TAKEN, INVALID, STORE_FAILED.
    """
    admin = _admin(store.picture, name)
    called = admin.name if admin is not None else name or FIRST_ADMIN
    password = passwords.one_time()
    hashed = passwords.hash(password)
    with store.change() as change:
        if admin is None:
            add_user(change, called, Duties(Role.ADMIN), hashed, clock.now(), must_change=True)
        else:
            _let_in(change, admin, hashed, clock)
        detail = "made" if admin is None else "a new password, no second factor"
        write_note(change.connection, clock.now(), Act.ADMIN_RESCUED, called, detail)
    return Rescued(
        store.picture.users[store.picture.names[called.lower()]], password, admin is None
    )


def _let_in(change: Change, admin: User, hashed: Secret, clock: Clock) -> None:
    forget_totp(change, admin.id, clock)
    values = {"password_hash": hashed.reveal(), "must_change": True, "disabled_at": None}
    change.connection.execute(update(users).where(users.c.id == admin.id).values(values))
    end_sessions(change, clock.now(), End.PASSWORD, sessions.c.user_id == admin.id)


def _admin(picture: Picture, name: str | None) -> User | None:
    """Who is meant; None: one is to be made. Raises WHICH_ADMIN, NAME_TAKEN, INVALID."""
    admins = {user.id: user for user in picture.users.values() if user.role is Role.ADMIN}
    if name is None and len(admins) == 1:
        return next(iter(admins.values()))
    named = None if name is None else picture.named(name)
    if named is not None and named.id in admins:
        return named
    if admins:
        names = ", ".join(sorted(user.name for user in admins.values())[:10])
        raise AccessError(AccessCode.WHICH_ADMIN, f"say which admin; there are: {names}")
    wanted = name or FIRST_ADMIN
    check_name(wanted)
    if picture.named(wanted) is not None:
        detail = f"{wanted} is there and is no admin; say another name for one"
        raise AccessError(AccessCode.NAME_TAKEN, detail)
    return None
