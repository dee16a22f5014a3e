"""Where secrets are: a file of one's own, or a keyring that keeps them."""

from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring
from keyring.errors import KeyringError

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.connections import Connection, Place
from phalanx.cli.remote.safes import FileSafe, Kept, KeyringSafe, Safe, safe_of
from phalanx.domain.secrets import Secret

KEY = Kept(Secret("phx_canary"))
SESSION = Kept(Secret("access-canary"), Secret("refresh-canary"), 12.5)


class Memory:
    """A keyring in memory. No subclass of the library's: that would be offered to everybody from then on."""

    name = "memory"
    priority = 5

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.error: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        if self.error is not None:
            raise self.error
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    made = Memory()
    monkeypatch.setattr(keyring, "get_keyring", lambda: made)
    return made


@pytest.fixture(params=list(Place))
def safe(request: pytest.FixtureRequest, memory: Memory, tmp_path: Path) -> Safe:
    return safe_of(tmp_path / "phalanx", "main", Connection("http://x.test", "a", request.param))


@pytest.mark.parametrize("kept", [KEY, SESSION])
def test_what_is_put_there_comes_back(safe: Safe, kept: Kept) -> None:
    assert safe.read() is None
    safe.write(SESSION)
    safe.write(kept)
    assert safe.read() == kept

    safe.forget()
    safe.forget()
    assert safe.read() is None


def test_it_is_never_shown() -> None:
    assert "canary" not in repr(SESSION)
    assert "canary" not in str(SESSION)


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    FileSafe(tmp_path / "phalanx", "main").write(SESSION)

    file = tmp_path / "phalanx/connections/main.secret"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content", ["", "{", '{"token":1}', "{}", '{"token":"canary","refresh":{}}']
)
def test_a_file_with_something_else_says_so_and_not_what(tmp_path: Path, content: str) -> None:
    safe = FileSafe(tmp_path / "phalanx", "main")
    safe.write(KEY)
    (tmp_path / "phalanx/connections/main.secret").write_text(content)

    with pytest.raises(Failure) as caught:
        safe.read()
    assert caught.value.code == "SECRET_UNREADABLE"
    assert "canary" not in str(caught.value)


def test_two_folders_have_two_entries_of_one_keyring(memory: Memory, tmp_path: Path) -> None:
    one, other = (KeyringSafe(tmp_path / name, "main") for name in ("one", "other"))
    one.write(KEY)
    other.write(SESSION)

    assert (one.read(), other.read()) == (KEY, SESSION)
    assert list(tmp_path.rglob("*.secret")) == []


def test_a_machine_without_a_keyring_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(keyring, "get_keyring", Keyring)
    with pytest.raises(Failure, match="use --file") as caught:
        KeyringSafe(tmp_path, "main")
    assert (caught.value.exit_code, caught.value.code) == (Exit.FAILURE, "NO_KEYRING")


def test_a_keyring_that_fails_does_not_repeat_what_was_to_be_kept(
    memory: Memory, tmp_path: Path
) -> None:
    safe = KeyringSafe(tmp_path, "main")
    memory.error = KeyringError("cannot keep canary")

    with pytest.raises(Failure, match="NO_KEYRING") as caught:
        safe.read()
    assert "canary" not in str(caught.value)
