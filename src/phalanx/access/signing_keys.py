"""The keys that sign access tokens: Ed25519, the private part sealed on disk, in the clear in memory only.

One key signs. After a rotation the one before it still verifies until the last token it signed is over.
"""

from threading import Lock
from typing import Final, Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import delete, insert, select, update

from phalanx.access.store import AccessStore, Change
from phalanx.access.tables import signing_keys
from phalanx.domain.time import Clock, Nanoseconds, Random

KID_BYTES: Final = 8
SEED_BYTES: Final = 32


class Sealer(Protocol):
    """Seals small secrets; the vault's keyring is one."""

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        """A blob that opens with the same ``aad`` only."""
        ...

    def open(self, blob: bytes, aad: bytes) -> bytes:
        """What was sealed. Raises an error of the vault."""
        ...


class Signer(msgspec.Struct, frozen=True):
    """The key that signs now, and its id. The key's ``repr`` shows nothing of it."""

    kid: str
    key: Ed25519PrivateKey


class SigningKeys:
    """The signing keys of a store. Thread-safe."""

    def __init__(
        self,
        store: AccessStore,
        sealer: Sealer,
        clock: Clock,
        random: Random,
        verify_for_ns: Nanoseconds,
    ) -> None:
        """Opens the key that signs; makes one where there is none.

        ``verify_for_ns``: how long a retired key still verifies. Raises what the sealer raises.
        """
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._random = random
        self._verify_for_ns = verify_for_ns
        self._publics: dict[str, Ed25519PublicKey] = {}
        self._rotating = Lock()
        self.signer = self._opened() or self.rotate()

    def rotate(self) -> Signer:
        """Sign with a new key from now on, and retire the one before."""
        signer = Signer(
            self._random.token(KID_BYTES).hex(),
            Ed25519PrivateKey.from_private_bytes(self._random.token(SEED_BYTES)),
        )
        # One at a time: of two, the one that is written last must be the one that signs.
        with self._rotating:
            now = self._clock.now()
            with self._store.change() as change:
                working = signing_keys.c.retired_at.is_(None)
                retired = update(signing_keys).where(working).values(retired_at=now)
                kids = change.connection.execute(retired.returning(signing_keys.c.kid)).scalars()
                change.signing_keys.update(kids, (signer.kid,))
                change.connection.execute(
                    insert(signing_keys).values(
                        kid=signer.kid,
                        sealed=self._sealer.seal(signer.key.private_bytes_raw(), _aad(signer.kid)),
                        public=signer.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
                        created_at=now,
                        retired_at=None,
                    )
                )
            self.signer = signer
        return signer

    def public(self, kid: str) -> Ed25519PublicKey | None:
        """The key of this id, while tokens that it signed may live."""
        known = self._store.picture.signing_keys.get(kid)
        if known is None or not self._verifies(known.retired_at):
            return None
        public = self._publics.get(kid)
        if public is None:
            public = self._publics[kid] = Ed25519PublicKey.from_public_bytes(known.public)
        return public

    def forget_retired(self, change: Change) -> None:
        """Delete keys that verify nothing any more."""
        over = self._clock.now() - self._verify_for_ns
        gone = delete(signing_keys).where(signing_keys.c.retired_at < over)
        kids = change.connection.execute(gone.returning(signing_keys.c.kid)).scalars().all()
        change.signing_keys.update(kids)
        for kid in kids:
            self._publics.pop(kid, None)

    def _opened(self) -> Signer | None:
        query = select(signing_keys.c.kid, signing_keys.c.sealed)
        with self._store.reading() as connection:
            row = connection.execute(query.where(signing_keys.c.retired_at.is_(None))).first()
        if row is None:
            return None
        key = Ed25519PrivateKey.from_private_bytes(self._sealer.open(row.sealed, _aad(row.kid)))
        return Signer(row.kid, key)

    def _verifies(self, retired_at: Nanoseconds | None) -> bool:
        return retired_at is None or self._clock.now() <= retired_at + self._verify_for_ns


def _aad(kid: str) -> bytes:
    return f"phalanx signing key {kid}".encode()
