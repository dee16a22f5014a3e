"""Signing the root of an export, and checking that: Ed25519 keys as PEM, anything else is an HMAC's secret."""

import hmac
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.files import read_bounded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

KEY_BYTES_MAX: Final = 16 * 1024
SECRET_BYTES_MIN: Final = 32
_PEM: Final = b"-----BEGIN "
_PRIVATE: Final = b"PRIVATE KEY-----"
_OTHERS: Final = 0o077


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a root is signed; ``value`` is in hexadecimal digits."""

    method: Literal["ed25519", "hmac-sha256"]
    value: str


def sign(message: bytes, key_file: Path) -> Signature:
    """The message signed with the key in the file.

    Raises Failure FILE_NOT_READABLE, KEY_TOO_OPEN, BAD_KEY.
    """
    content = _content(key_file)
    if not content.startswith(_PEM):
        return Signature("hmac-sha256", _mac(message, content, key_file))
    return Signature("ed25519", _private_key(content, key_file).sign(message).hex())


def is_signed(message: bytes, signature: Signature, key_file: Path) -> bool:
    """Whether the key in the file (of Ed25519 the public one will do) made this signature.

    Raises Failure FILE_NOT_READABLE, KEY_TOO_OPEN, BAD_KEY.
    """
    content = _content(key_file)
    if not content.startswith(_PEM):
        mac = _mac(message, content, key_file)
        return signature.method == "hmac-sha256" and hmac.compare_digest(mac, signature.value)
    from cryptography.exceptions import InvalidSignature

    try:
        _public_key(content, key_file).verify(bytes.fromhex(signature.value), message)
    except (InvalidSignature, ValueError):
        return False
    return signature.method == "ed25519"


def _content(path: Path) -> bytes:
    """Raises Failure KEY_TOO_OPEN for a secret that others may read."""
    content = read_bounded(path, KEY_BYTES_MAX)
    is_secret = not content.startswith(_PEM) or _PRIVATE in content
    if is_secret and path.is_file() and path.stat().st_mode & _OTHERS:
        detail = f"{path} may be used by others than its owner (chmod 600)"
        raise Failure(Exit.USAGE, "KEY_TOO_OPEN", detail)
    return content


def _mac(message: bytes, secret: bytes, path: Path) -> str:
    if len(secret) < SECRET_BYTES_MIN:
        raise _bad(path, f"a secret has at least {SECRET_BYTES_MIN} bytes")
    return hmac.new(secret, message, sha256).hexdigest()


def _private_key(content: bytes, path: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise _bad(path, "a private key is one of Ed25519, as PEM without a password")
    return key


def _public_key(content: bytes, path: Path) -> "Ed25519PublicKey":
    if _PRIVATE in content:
        return _private_key(content, path).public_key()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(content)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise _bad(path, "a public key is one of Ed25519, as PEM")
    return key


def _bad(path: Path, why: str) -> Failure:
    return Failure(Exit.USAGE, "BAD_KEY", f"{path}: {why}")
