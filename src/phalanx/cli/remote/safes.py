"""Where a connection's secret is kept: a file that only its owner reads, or the system's keyring."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.connections import Connection, Place
from phalanx.cli.remote.folder import make_private, not_written, read_private, write_private
from phalanx.domain.secrets import Secret

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

FOLDER: Final = "connections"
SERVICE: Final = "phalanx"
PRIORITY_MIN: Final = 1
"""The library's own line between keyrings and what writes secrets down in clear."""

Result = TypeVar("Result")


class Kept(msgspec.Struct, frozen=True):
    """A machine key's token; or a session's newest access token, with the refresh token that follows it
    and the time (seconds since 1970) from which on another one is needed.
    """

    token: Secret
    refresh: Secret | None = None
    renew_at: float = 0.0


class Safe(Protocol):
    """Keeps the secret of one connection."""

    def read(self) -> Kept | None:
        """What is kept, None where nothing is. Raises Failure."""

    def write(self, kept: Kept) -> None:
        """Keep this instead, durably. Raises Failure."""

    def forget(self) -> None:
        """Keep nothing. Raises Failure."""

    def lock(self) -> Path:
        """The file whose lock is held by whoever changes the secret. Raises Failure."""


class FileSafe:
    """``connections/NAME.secret``, 0600 in a folder of 0700."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder / FOLDER
        self._path = self._folder / f"{name}.secret"
        self._lock = self._folder / f"{name}.lock"

    def read(self) -> Kept | None:
        content = read_private(self._path)
        return None if content is None else _decoded(content, str(self._path))

    def write(self, kept: Kept) -> None:
        make_private(self._folder)
        write_private(self._path, _encoded(kept))

    def forget(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise not_written(self._path, error) from None

    def lock(self) -> Path:
        make_private(self._folder)
        return self._lock


class KeyringSafe:
    """The keyring of the system, under the service ``phalanx``; the folder holds nothing but the lock."""

    def __init__(self, folder: Path, name: str) -> None:
        self._files = FileSafe(folder, name)
        self._entry = f"{folder.absolute()}:{name}"
        self._keyring = _keyring()

    def read(self) -> Kept | None:
        found = _tried(lambda: self._keyring.get_password(SERVICE, self._entry))
        return None if found is None else _decoded(found.encode(), "the keyring")

    def write(self, kept: Kept) -> None:
        _tried(lambda: self._keyring.set_password(SERVICE, self._entry, _encoded(kept).decode()))

    def forget(self) -> None:
        if self.read() is not None:
            _tried(lambda: self._keyring.delete_password(SERVICE, self._entry))

    def lock(self) -> Path:
        return self._files.lock()


def safe_of(folder: Path, name: str, connection: Connection) -> Safe:
    """Where this connection's secret is. Raises Failure NO_KEYRING."""
    made = KeyringSafe if connection.secret is Place.KEYRING else FileSafe
    return made(folder, name)


def _keyring() -> "KeyringBackend":
    """Raises Failure NO_KEYRING."""
    import keyring

    found = _tried(keyring.get_keyring)
    if found.priority < PRIORITY_MIN:
        detail = f"this machine has no keyring that keeps secrets ({found.name}); use --file"
        raise Failure(Exit.FAILURE, "NO_KEYRING", detail)
    return found


def _tried(work: Callable[[], Result]) -> Result:
    """Raises Failure NO_KEYRING: which errors a keyring of some system raises, nobody has written down."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - every system's keyring has errors of its own
        # Its class, not its text: that may repeat what was to be kept.
        detail = f"the keyring cannot be used ({type(error).__name__}); unlock it, or use --file"
        raise Failure(Exit.FAILURE, "NO_KEYRING", detail) from None


def _encoded(kept: Kept) -> bytes:
    return msgspec.json.encode(kept, enc_hook=_revealed)


def _decoded(content: bytes, where: str) -> Kept:
    try:
        return msgspec.json.decode(content, type=Kept, dec_hook=_secret)
    except msgspec.DecodeError:
        detail = f"what {where} holds is no secret of ours; log in again"
        raise Failure(Exit.FAILURE, "SECRET_UNREADABLE", detail) from None


def _revealed(value: object) -> str:
    assert isinstance(value, Secret)
    return value.reveal()


def _secret(_: type, value: Any) -> Secret:  # noqa: ANN401 - whatever JSON holds there
    if not isinstance(value, str):
        raise ValueError("a secret is a text")  # noqa: TRY004 - what msgspec turns into its own error
    return Secret(value)
