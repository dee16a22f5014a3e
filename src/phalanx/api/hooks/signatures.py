"""Whether an alert is of somebody who knows a secret of its source.

What is signed is ``timestamp.nonce.body``: the texts of the two headers, then the bytes of the body as
they came. The work is the same whether there is such a source or not, and whichever secret fits.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from secrets import token_hex
from typing import Final

import msgspec

from phalanx.api.head import Head
from phalanx.domain.hooks import SECRETS_MAX
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND, Nanoseconds

TIMESTAMP: Final = b"x-phalanx-timestamp"
NONCE: Final = b"x-phalanx-nonce"
SIGNATURE: Final = b"x-phalanx-signature"
WINDOW_S: Final = 300
"""So far a sender's clock may be from ours, to either side."""
SECRET_BYTES: Final = 32

_TIMESTAMP: Final = re.compile(rb"[0-9]{1,12}")
_NONCE: Final = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_SIGNATURE: Final = re.compile(rb"v1=([0-9a-f]{64})")
_NOBODYS: Final = Secret(token_hex(SECRET_BYTES))
"""Stands in for a secret that there is none of."""


class Signed(msgspec.Struct, frozen=True, gc=False):
    """What the headers of a signed alert say. ``signature``: 32 bytes."""

    timestamp: bytes
    nonce: bytes
    signature: bytes

    @property
    def at(self) -> Nanoseconds:
        """When it was signed, by the sender's clock."""
        return int(self.timestamp) * SECOND

    def is_in_window(self, now: Nanoseconds) -> bool:
        """Whether it was signed about now."""
        return abs(now - self.at) <= WINDOW_S * SECOND


_UNSIGNED: Final = Signed(b"0", b"none", bytes(32))


def read_signed(head: Head) -> Signed | None:
    """The headers of a signed alert; None where one is missing, there twice, or not as it must be."""
    timestamp = _TIMESTAMP.fullmatch(head.values.get(TIMESTAMP, b""))
    nonce = _NONCE.fullmatch(head.values.get(NONCE, b""))
    signature = _SIGNATURE.fullmatch(head.values.get(SIGNATURE, b""))
    if timestamp is None or nonce is None or signature is None:
        return None
    return Signed(timestamp[0], nonce[0], bytes.fromhex(signature[1].decode("ascii")))


def is_signed(secrets: Sequence[Secret], signed: Signed | None, body: bytes) -> bool:
    """Whether one of these secrets made the signature."""
    of = signed or _UNSIGNED
    text = b"%b.%b.%b" % (of.timestamp, of.nonce, body)
    fits = False
    for secret in _padded(secrets):
        made = hmac_digest(secret.reveal().encode(), text, "sha256")
        fits |= compare_digest(made, of.signature) and secret is not _NOBODYS
    return fits and signed is not None


def is_one_of(secrets: Sequence[Secret], said: str) -> bool:
    """Whether this is one of these secrets. Compared by their digests, so that no length is told."""
    digest = sha256(said.encode("utf-8", "surrogatepass")).digest()
    fits = False
    for secret in _padded(secrets):
        made = sha256(secret.reveal().encode()).digest()
        fits |= compare_digest(made, digest) and secret is not _NOBODYS
    return fits


def _padded(secrets: Sequence[Secret]) -> Sequence[Secret]:
    return (*secrets, *[_NOBODYS] * (SECRETS_MAX - len(secrets)))
