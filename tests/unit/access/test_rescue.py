"""An admin is let in again by whoever owns the folder; a note of it waits for the next journal."""

from pathlib import Path

import pytest
from pyotp import TOTP

from phalanx.access.directory import Directory
from phalanx.access.errors import AccessCode
from phalanx.access.notes import Notes
from phalanx.access.passwords import PasswordCost, Passwords
from phalanx.access.picture import Totp
from phalanx.access.rescue import Rescued, rescue
from phalanx.access.second_factor import STEP_NS
from phalanx.access.store import AccessStore
from phalanx.domain.access import Role
from phalanx.domain.audit import Act
from phalanx.domain.secrets import Secret
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import (
    ADMIN,
    PASSWORD,
    TRADER,
    SeededRandom,
    bearer,
    log_in,
    refused,
)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(PasswordCost(1, 8, 1), SeededRandom(7))


def rescued(directory: Directory, passwords: Passwords, name: str | None = None) -> Rescued:
    return rescue(directory.store, passwords, ManualClock(), name)


def test_the_only_admin_gets_a_password_for_one_login(
    directory: Directory, passwords: Passwords
) -> None:
    before = log_in(directory, "root")
    root = directory.users.get("root")
    secret = directory.factors.enrol(root.id, PASSWORD).secret
    code = TOTP(secret.reveal()).generate_otp(directory.now() // STEP_NS)
    directory.factors.confirm(root.id, Secret(code))

    found = rescued(directory, passwords)

    assert (found.user.name, found.is_new, found.user.totp) == ("root", False, Totp.OFF)
    assert found.password.reveal() not in repr(found)
    assert refused(directory.principal_of, bearer(before.access)) is AccessCode.SESSION_ENDED
    assert refused(log_in, directory, "root") is AccessCode.UNAUTHENTICATED
    assert log_in(directory, "root", found.password).must_change
    assert directory.factors.recovery_codes_left(root.id) == 0
    assert log_in(directory).session, "nobody else has noticed"


def test_a_first_admin_whose_password_nobody_read_is_rescued(
    empty: Directory, passwords: Passwords
) -> None:
    empty.users.first_admin()

    found = rescued(empty, passwords)

    assert log_in(empty, "admin", found.password).must_change


def test_a_disabled_admin_is_let_in(directory: Directory, passwords: Passwords) -> None:
    directory.users.create("second", ADMIN, PASSWORD)
    directory.users.disable("root")

    found = rescued(directory, passwords, "ROOT")

    assert (found.user.name, found.user.disabled_at) == ("root", None)
    assert log_in(directory, "root", found.password).must_change


def test_of_several_admins_one_must_be_named(directory: Directory, passwords: Passwords) -> None:
    directory.users.create("second", ADMIN, PASSWORD)

    for name in (None, "ann", "nobody-here"):
        assert refused(rescued, directory, passwords, name) is AccessCode.WHICH_ADMIN
    assert Notes(directory.store).waiting() == ()


def test_where_there_is_no_admin_one_is_made(empty: Directory, passwords: Passwords) -> None:
    empty.users.create("ann", TRADER, PASSWORD)

    assert refused(rescued, empty, passwords, "ann") is AccessCode.NAME_TAKEN
    assert refused(rescued, empty, passwords, "local") is AccessCode.INVALID
    found = rescued(empty, passwords)

    assert (found.user.name, found.user.role, found.is_new) == ("admin", Role.ADMIN, True)
    assert log_in(empty, "admin", found.password).must_change


def test_what_was_done_waits_as_a_note_until_it_is_forgotten(
    tmp_path: Path, directory: Directory, passwords: Passwords
) -> None:
    rescued(directory, passwords)
    store = AccessStore.open(tmp_path)
    notes = Notes(store)

    (note,) = notes.waiting()

    assert (note.act, note.subject, note.at) == (Act.ADMIN_RESCUED, "root", ManualClock().now())
    assert note.detail == "a new password, no second factor"
    notes.forget(note)
    assert notes.waiting() == ()
    store.close()
