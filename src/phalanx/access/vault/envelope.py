"""The envelope: what is sealed has a data key of its own, and that is wrapped by a key-encryption key.

Both steps are AES-256-GCM with a random nonce of 96 bits. A data key encrypts once, so its nonce can never
meet itself; a key-encryption key (KEK) wraps data keys only.

    wrapped_key   format 1 | nonce 12 | wrapped data key 32 | tag 16
    nonce         12
    sealed        ciphertext, as long as the plaintext | tag 16

A blob is the same in one piece: wrapped_key 61 | KEK's id 8 | nonce 12 | sealed.

What the ciphertext belongs to (its `Binding`) is authenticated with it, and the id of the KEK with the
wrapped key. The data do not name the KEK, so a new KEK wraps the data key anew and leaves the data alone;
they hang on it through their data key, which no other record has.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NoReturn

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from phalanx.access.vault.errors import cannot_unseal
from phalanx.domain.time import Random

FORMAT: Final = b"\x01"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
KEK_ID_BYTES: Final = 8
WRAPPED_BYTES: Final = len(FORMAT) + NONCE_BYTES + KEY_BYTES + TAG_BYTES
BLOB_HEAD_BYTES: Final = WRAPPED_BYTES + KEK_ID_BYTES + NONCE_BYTES
PLAIN_BYTES_MAX: Final = 128 * 1024
_ID_LABEL: Final = b"phalanx key-encryption key id 1\0"
_KEY_LABEL: Final = b"phalanx data key"
_DATA_LABEL: Final = b"phalanx data"
_BLOB_LABEL: Final = b"phalanx blob"


class KeyEncryptionKey:
    """A KEK: its cipher and its id, the first 16 hex digits of a labelled SHA-256 of the key.

    The bytes of the key are not kept where ``repr``, ``vars`` or an error could show them.
    """

    __slots__ = ("cipher", "id")

    def __init__(self, key: bytes) -> None:
        """``key``: 32 bytes, from a good source of chance."""
        assert len(key) == KEY_BYTES
        self.cipher = AESGCM(key)
        self.id = hashlib.sha256(_ID_LABEL + key).hexdigest()[: 2 * KEK_ID_BYTES]

    def __repr__(self) -> str:
        return f"KeyEncryptionKey({self.id})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a key is neither pickled nor copied")


class Binding(msgspec.Struct, frozen=True):
    """What a ciphertext belongs to; whoever opens it must say the same.

    ``key`` is authenticated with the wrapped data key, ``data`` with the data.
    """

    key: bytes
    data: bytes


class Sealed(msgspec.Struct, frozen=True):
    """One sealed thing, as the module's docstring draws it; ``kek_id`` in 16 hex digits."""

    kek_id: str
    wrapped_key: bytes
    nonce: bytes
    sealed: bytes


def encoded(*parts: bytes) -> bytes:
    """The parts as one, each after its length: two different rows of parts never look the same."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def record_binding(purpose: str, subject: Sequence[str], version: int) -> Binding:
    """A record of ``subject`` (a login, its broker) at this version, for one purpose."""
    about = encoded(*(part.encode() for part in (purpose, *subject, str(version))))
    return Binding(about, about)


def blob_binding(aad: bytes) -> Binding:
    """A blob that belongs to ``aad``. Its data key does not name it, so that it can be wrapped anew
    by somebody who does not know to what the blob belongs.
    """
    return Binding(encoded(_BLOB_LABEL), encoded(_BLOB_LABEL, aad))


def seal(kek: KeyEncryptionKey, random: Random, plain: bytes, binding: Binding) -> Sealed:
    """Encrypt at most `PLAIN_BYTES_MAX` bytes under a fresh data key."""
    assert len(plain) <= PLAIN_BYTES_MAX
    data_key, nonce = random.token(KEY_BYTES), random.token(NONCE_BYTES)
    return Sealed(
        kek.id,
        _wrapped(kek, random, data_key, binding),
        nonce,
        AESGCM(data_key).encrypt(nonce, plain, _data_aad(binding)),
    )


def unseal(kek: KeyEncryptionKey, sealed: Sealed, binding: Binding) -> bytes:
    """The plaintext. Raises CANNOT_UNSEAL for anything that is not exactly what was sealed."""
    plain = _unsealed(kek, sealed, binding)
    if plain is None:
        raise cannot_unseal()
    return plain


def rewrapped(
    kek: KeyEncryptionKey, new: KeyEncryptionKey, random: Random, sealed: Sealed, binding: Binding
) -> Sealed:
    """The same data with the data key wrapped by ``new``; the data are not looked at.

    Raises CANNOT_UNSEAL where the wrapped key is not what was made.
    """
    wrapped_key = _wrapped_anew(kek, new, random, sealed, binding)
    if wrapped_key is None:
        raise cannot_unseal()
    return msgspec.structs.replace(sealed, kek_id=new.id, wrapped_key=wrapped_key)


def to_blob(sealed: Sealed) -> bytes:
    """In one piece."""
    return sealed.wrapped_key + bytes.fromhex(sealed.kek_id) + sealed.nonce + sealed.sealed


def from_blob(blob: bytes) -> Sealed:
    """The pieces of a blob, unproved. Raises CANNOT_UNSEAL for one that is too short or too long."""
    if (
        not BLOB_HEAD_BYTES + TAG_BYTES
        <= len(blob)
        <= BLOB_HEAD_BYTES + PLAIN_BYTES_MAX + TAG_BYTES
    ):
        raise cannot_unseal()
    nonce_at = WRAPPED_BYTES + KEK_ID_BYTES
    return Sealed(
        blob[WRAPPED_BYTES:nonce_at].hex(),
        blob[:WRAPPED_BYTES],
        blob[nonce_at:BLOB_HEAD_BYTES],
        blob[BLOB_HEAD_BYTES:],
    )


# Data keys and plaintexts live in the functions below, and these raise nothing: a traceback that shows
# the local names of its frames shows none of them.


def _wrapped(kek: KeyEncryptionKey, random: Random, data_key: bytes, binding: Binding) -> bytes:
    nonce = random.token(NONCE_BYTES)
    return FORMAT + nonce + kek.cipher.encrypt(nonce, data_key, _key_aad(kek, binding))


def _unwrapped(kek: KeyEncryptionKey, sealed: Sealed, binding: Binding) -> bytes | None:
    wrapped = sealed.wrapped_key
    if len(wrapped) != WRAPPED_BYTES or wrapped[:1] != FORMAT or sealed.kek_id != kek.id:
        return None
    nonce = wrapped[1 : 1 + NONCE_BYTES]
    try:
        return kek.cipher.decrypt(nonce, wrapped[1 + NONCE_BYTES :], _key_aad(kek, binding))
    except InvalidTag:
        return None


def _unsealed(kek: KeyEncryptionKey, sealed: Sealed, binding: Binding) -> bytes | None:
    data_key = _unwrapped(kek, sealed, binding)
    is_shaped = len(sealed.nonce) == NONCE_BYTES and len(sealed.sealed) >= TAG_BYTES
    if data_key is None or not is_shaped:
        return None
    try:
        return AESGCM(data_key).decrypt(sealed.nonce, sealed.sealed, _data_aad(binding))
    except InvalidTag:
        return None


def _wrapped_anew(
    kek: KeyEncryptionKey, new: KeyEncryptionKey, random: Random, sealed: Sealed, binding: Binding
) -> bytes | None:
    data_key = _unwrapped(kek, sealed, binding)
    return None if data_key is None else _wrapped(new, random, data_key, binding)


def _key_aad(kek: KeyEncryptionKey, binding: Binding) -> bytes:
    return encoded(_KEY_LABEL, FORMAT, binding.key, kek.id.encode())


def _data_aad(binding: Binding) -> bytes:
    return encoded(_DATA_LABEL, FORMAT, binding.data)
