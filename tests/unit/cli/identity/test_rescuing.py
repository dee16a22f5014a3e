"""`phalanx users rescue`: an admin is let in again on the server's own machine."""

import json
from pathlib import Path

import pytest

from phalanx.access import passwords
from phalanx.access.notes import Notes
from phalanx.access.passwords import PasswordCost
from phalanx.access.store import FILE, AccessStore
from phalanx.access.users import Duties
from phalanx.cli.exit_codes import Exit
from phalanx.domain.access import Role
from phalanx.domain.secrets import Secret
from phalanx.journal.lock import FolderLock
from tests.fakes.clock import ManualClock
from tests.unit.access import rig
from tests.unit.cli.doubles import run


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PasswordCost", lambda: PasswordCost(1, 8, 1))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder in which one admin, ann, has a password that she does not know any more."""
    with rig.open_directory(tmp_path, ManualClock()) as directory:
        directory.users.create("ann", Duties(Role.ADMIN), Secret("long forgotten"))
    return tmp_path


def log_in(data: Path, name: str, password: str) -> bool:
    """Whether one can, with a password that has to be changed."""
    with rig.open_directory(data, ManualClock()) as directory:
        return rig.log_in(directory, name, Secret(password)).must_change


def test_the_password_is_alone_on_its_line(data: Path) -> None:
    result = run("users", "rescue", "--data", str(data))

    assert result.exit_code == Exit.OK
    assert "admin ann can log in again" in result.stderr
    assert log_in(data, "ann", result.stdout.strip())


def test_a_program_gets_one_document(data: Path) -> None:
    result = run("users", "rescue", "ann", "--data", str(data), "--json")

    document = json.loads(result.stdout)
    assert (document["name"], document["made"]) == ("ann", False)
    assert log_in(data, "ann", document["password"])


def test_who_is_no_admin_is_refused(data: Path) -> None:
    result = run("users", "rescue", "bob", "--data", str(data))

    assert (result.exit_code, result.stdout) == (Exit.FAILURE, "")
    assert "say which admin; there are: ann [WHICH_ADMIN]" in result.stderr


def test_a_folder_that_a_server_holds_is_left_alone(data: Path) -> None:
    lock = FolderLock(data / "lock")
    lock.acquire()
    try:
        result = run("users", "rescue", "--data", str(data))
    finally:
        lock.release()

    assert (result.exit_code, "[JOURNAL_LOCKED]" in result.stderr) == (Exit.FAILURE, True)
    store = AccessStore.open(data)
    assert Notes(store).waiting() == ()
    store.close()


def test_a_folder_without_users_stays_as_it_was(tmp_path: Path) -> None:
    result = run("users", "rescue", "--data", str(tmp_path))

    assert (result.exit_code, "[NO_DATABASE]" in result.stderr) == (Exit.FAILURE, True)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"something else" * 100)

    result = run("users", "rescue", "--data", str(tmp_path))

    assert (result.exit_code, "[DATABASE_UNREADABLE]" in result.stderr) == (Exit.FAILURE, True)
