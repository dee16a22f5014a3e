"""Machine keys: ``phx_<id>_<secret>`` for programs, with scopes, a fence and an end.

The secret has 256 random bits, so a plain SHA-256 of it is kept, and a check is a look-up and one hash.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest
from typing import Final

import msgspec
from sqlalchemy import delete, insert, or_, update

from phalanx.access.errors import AccessCode, AccessError, invalid, unauthenticated
from phalanx.access.picture import MachineKey
from phalanx.access.store import AccessStore, Change
from phalanx.access.tables import machine_keys
from phalanx.access.users import is_user_name
from phalanx.domain.access import MACHINE_SCOPES, NO_FENCE, Fence, Permission, Principal
from phalanx.domain.names import NAME_CHARACTERS_MAX, is_printable
from phalanx.domain.secrets import Secret
from phalanx.domain.time import DAY, HOUR, Clock, Nanoseconds, Random

PREFIX: Final = b"phx_"
ID_BYTES: Final = 8
SECRET_BYTES: Final = 32
ID_END: Final = len(PREFIX) + 2 * ID_BYTES
TOKEN_BYTES: Final = ID_END + 1 + 43
KEYS_MAX: Final = 1_000
FENCE_NAMES_MAX: Final = 1_000
LIFE_MAX_NS: Final = 2 * 366 * DAY
USE_GRAIN_NS: Final = HOUR
KEPT_AFTER_NS: Final = 90 * DAY
"""How long a key that is over is still listed."""
_NOBODYS: Final = bytes(32)


class NewKey(msgspec.Struct, frozen=True):
    """A key that is asked for. ``expires_at``: UTC nanoseconds, within `LIFE_MAX_NS`."""

    name: str
    scopes: frozenset[Permission]
    expires_at: Nanoseconds
    fence: Fence = NO_FENCE


class Issued(msgspec.Struct, frozen=True):
    """A new key; ``token`` is shown once, and only its hash is kept."""

    key: MachineKey
    token: Secret


class MachineKeys:
    """The machine keys of a store. Thread-safe."""

    def __init__(self, store: AccessStore, clock: Clock, random: Random) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._used: dict[str, Nanoseconds] = {}

    def create(self, new: NewKey, *, by: str) -> Issued:
        """Make a key in the name of ``by``. Raises INVALID, NAME_TAKEN, TOO_MANY."""
        now = self._clock.now()
        _check(new, now)
        id = self._random.token(ID_BYTES).hex()
        secret = Secret(urlsafe_b64encode(self._random.token(SECRET_BYTES)).rstrip(b"=").decode())
        with self._store.change() as change:
            self._check_room(new.name)
            change.connection.execute(
                insert(machine_keys).values(
                    id=id,
                    name=new.name,
                    hash=sha256(secret.reveal().encode()).digest(),
                    scopes=msgspec.json.encode(sorted(new.scopes)).decode(),
                    fence=msgspec.json.encode(new.fence, order="deterministic").decode(),
                    created_by=by,
                    created_at=now,
                    expires_at=new.expires_at,
                )
            )
            change.keys.add(id)
        token = Secret(f"{PREFIX.decode()}{id}_{secret.reveal()}")
        return Issued(self._store.picture.keys[id], token)

    def list(self) -> tuple[MachineKey, ...]:
        """All keys, also those that are over, by name."""
        found = tuple(self._store.picture.keys.values())
        return tuple(sorted(found, key=lambda key: key.name.lower()))

    def revoke(self, id: str) -> MachineKey:
        """From now on the key opens nothing. One that is revoked already stays so. Raises NO_SUCH_KEY."""
        with self._store.change() as change:
            if id not in self._store.picture.keys:
                raise AccessError(AccessCode.NO_SUCH_KEY, "there is no such machine key")
            working = (machine_keys.c.id == id) & machine_keys.c.revoked_at.is_(None)
            change.connection.execute(
                update(machine_keys).where(working).values(revoked_at=self._clock.now())
            )
            change.keys.add(id)
        return self._store.picture.keys[id]

    def principal_of(self, token: bytes) -> Principal:
        """Whose key this is, and what it may do. Raises UNAUTHENTICATED.

        A key that is not known takes the same steps as one that is wrong.
        """
        key = None
        if len(token) == TOKEN_BYTES and token[ID_END] == ord("_"):
            key = self._store.picture.keys.get(token[len(PREFIX) : ID_END].decode("latin-1"))
        presented = sha256(token[ID_END + 1 :]).digest()
        if not compare_digest(presented, _NOBODYS if key is None else key.hash) or key is None:
            raise unauthenticated()
        now = self._clock.now()
        if not is_open(key, now):
            raise unauthenticated()
        if now - (key.last_used_at or 0) >= USE_GRAIN_NS:
            self._used[key.id] = now // USE_GRAIN_NS * USE_GRAIN_NS
        return key.principal

    def write_use(self, change: Change) -> None:
        """Keep in which hour keys were last used; part of a change, and not of a request."""
        used, self._used = self._used, {}
        # A request that looked before may still write to the old one: a copy stands still.
        for id, hour in tuple(used.items()):
            change.connection.execute(
                update(machine_keys).where(machine_keys.c.id == id).values(last_used_at=hour)
            )
            change.keys.add(id)

    def forget_over(self, change: Change) -> None:
        """Delete keys that have been over for long; their names are free again."""
        before = self._clock.now() - KEPT_AFTER_NS
        is_over = or_(machine_keys.c.revoked_at < before, machine_keys.c.expires_at < before)
        gone = delete(machine_keys).where(is_over).returning(machine_keys.c.id)
        change.keys.update(change.connection.execute(gone).scalars())

    def _check_room(self, name: str) -> None:
        keys = self._store.picture.keys
        if any(key.name.lower() == name.lower() for key in keys.values()):
            raise AccessError(AccessCode.NAME_TAKEN, "there is, or was, a key of this name")
        if len(keys) >= KEYS_MAX:
            raise AccessError(AccessCode.TOO_MANY, f"there are {KEYS_MAX} machine keys")


def is_open(key: MachineKey, now: Nanoseconds) -> bool:
    """Whether a key opens anything at this time."""
    return key.revoked_at is None and now < key.expires_at


def _check(new: NewKey, now: Nanoseconds) -> None:
    if not is_user_name(new.name):
        raise invalid("a name has 1 to 64 letters, digits and ._@+-")
    if not new.scopes or not new.scopes <= MACHINE_SCOPES:
        raise invalid("a machine key has one scope at least, and never that of an admin")
    if not now < new.expires_at <= now + LIFE_MAX_NS:
        raise invalid("a machine key ends in the future, within two years")
    for names in (new.fence.strategies, new.fence.instruments, new.fence.accounts):
        if len(names) > FENCE_NAMES_MAX or not all(map(_is_name, names)):
            raise invalid(f"a fence has at most {FENCE_NAMES_MAX} names of each kind")


def _is_name(name: str) -> bool:
    return 1 <= len(name) <= NAME_CHARACTERS_MAX and is_printable(name)
