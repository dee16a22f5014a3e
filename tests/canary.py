"""A secret that is looked for wherever something may be left of it, and that every test uses that needs one.

After the suite `tests/conftest.py` searches what its servers left behind.
"""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

CANARY = "canary-7Qm2Vx9Lk4Tz8Rb1"
"""Long enough for a password, and nothing that anybody would write by chance."""


def forms(secret: str) -> tuple[bytes, ...]:
    """How a secret may stand in a file: as it is, in hex, in base64 at each of three places, in UTF-16."""
    plain = secret.encode()
    shifted = (base64.b64encode(bytes(at) + plain) for at in range(3))
    # What stands at an edge depends on what is beside it: the middle does not.
    middles = (text[4 : len(text) - 4] for text in shifted)
    return (plain, plain.hex().encode(), plain.hex().upper().encode(), *middles, _wide(secret))


def found_in(content: bytes, secret: str = CANARY) -> bool:
    """Whether any form of the secret is there."""
    return any(form in content for form in forms(secret))


def files_with(folder: Path, secret: str = CANARY) -> list[Path]:
    """The files below a folder that hold it."""
    return [path for path in _files(folder) if found_in(path.read_bytes(), secret)]


def hidden(secrets: Iterable[str], content: bytes) -> bool:
    """Whether none of the secrets is there."""
    return not any(found_in(content, secret) for secret in secrets)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _wide(secret: str) -> bytes:
    return secret.encode("utf-16-le")
