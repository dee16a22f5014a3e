"""The ring of key-encryption keys: the current one seals, the older ones still open.

A key is changed in three steps, while readers and writers go on: `Keyring.make_current` puts the new key
on the ring; `rewrap.Rewrapping` has it wrap every data key; then the old one is taken off.
"""

import re
from collections.abc import Sequence
from threading import Lock
from typing import Final

from phalanx.access.vault.envelope import (
    Binding,
    KeyEncryptionKey,
    Sealed,
    blob_binding,
    from_blob,
    rewrapped,
    seal,
    to_blob,
    unseal,
)
from phalanx.access.vault.errors import KekMissing, VaultCode, VaultError, cannot_unseal
from phalanx.domain.time import Random

KEKS_MAX: Final = 8
_is_kek_id: Final = re.compile(r"[0-9a-f]{16}", re.ASCII).fullmatch


class Keyring:
    """The current key and the older ones, at most `KEKS_MAX`. Thread-safe.

    It is also the `Sealer` of signing keys and TOTP secrets. To be sure that a key which is taken off
    the ring is not missed, seal inside the write transaction that keeps what is sealed.
    """

    def __init__(
        self, current: KeyEncryptionKey, random: Random, *, older: Sequence[KeyEncryptionKey] = ()
    ) -> None:
        """Raises TOO_MANY_KEKS."""
        self._random = random
        self._changing = Lock()
        self._keks: tuple[KeyEncryptionKey, ...] = ()
        for kek in (*older, current):
            self.make_current(kek)

    @property
    def current_id(self) -> str:
        """The id of the key that seals."""
        return self._keks[0].id

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the current one first."""
        return tuple(kek.id for kek in self._keks)

    def make_current(self, kek: KeyEncryptionKey) -> None:
        """Seal with this key from now on; the others go on opening. Raises TOO_MANY_KEKS."""
        with self._changing:
            others = tuple(other for other in self._keks if other.id != kek.id)
            if len(others) >= KEKS_MAX:
                raise VaultError(VaultCode.TOO_MANY_KEKS, f"the ring holds {KEKS_MAX} keys")
            # Readers look at the one tuple: they see the ring as it was, or as it is.
            self._keks = (kek, *others)

    def take(self, keks: Sequence[KeyEncryptionKey]) -> None:
        """Seal with the first of these from now on; the others open too, as all that are here already.

        Raises TOO_MANY_KEKS.
        """
        taken = {kek.id: kek for kek in keks}
        with self._changing:
            others = (kek for kek in self._keks if kek.id not in taken)
            ring = (*taken.values(), *others)
            if len(ring) > KEKS_MAX:
                raise VaultError(VaultCode.TOO_MANY_KEKS, f"the ring holds {KEKS_MAX} keys")
            self._keks = ring

    def remove(self, kek_id: str) -> None:
        """Take an older key off the ring: what it sealed cannot be opened any more.

        `rewrap.Rewrapping.retire` does so when nothing needs it. Raises KEK_IN_USE for the current key,
        KEK_MISSING.
        """
        with self._changing:
            if self._kek(kek_id) is self._keks[0]:
                raise VaultError(VaultCode.KEK_IN_USE, f"{kek_id} is the current key")
            self._keks = tuple(kek for kek in self._keks if kek.id != kek_id)

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        """A blob that opens with the same ``aad`` only."""
        return to_blob(self.seal_record(plain, blob_binding(aad)))

    def open(self, blob: bytes, aad: bytes) -> bytes:
        """What was sealed. Raises CANNOT_UNSEAL, KEK_MISSING."""
        return self.open_record(from_blob(blob), blob_binding(aad))

    def rewrap_blob(self, blob: bytes) -> bytes:
        """The blob with its data key wrapped by the current key; to what it belongs need not be known.

        Raises CANNOT_UNSEAL, KEK_MISSING.
        """
        return to_blob(self.rewrap_record(from_blob(blob), blob_binding(b"")))

    def seal_record(self, plain: bytes, binding: Binding) -> Sealed:
        """Seal with the current key."""
        return seal(self._keks[0], self._random, plain, binding)

    def open_record(self, sealed: Sealed, binding: Binding) -> bytes:
        """What was sealed. Raises CANNOT_UNSEAL, KEK_MISSING."""
        return unseal(self._kek(sealed.kek_id), sealed, binding)

    def rewrap_record(self, sealed: Sealed, binding: Binding) -> Sealed:
        """The same with its data key wrapped by the current key. Raises CANNOT_UNSEAL, KEK_MISSING."""
        return rewrapped(self._kek(sealed.kek_id), self._keks[0], self._random, sealed, binding)

    def _kek(self, kek_id: str) -> KeyEncryptionKey:
        """Raises KEK_MISSING; CANNOT_UNSEAL for what is no id, which nobody need repeat."""
        for kek in self._keks:
            if kek.id == kek_id:
                return kek
        if _is_kek_id(kek_id):
            raise KekMissing(kek_id)
        raise cannot_unseal()
