"""The demo's logins: drawn once, kept by their owner, and never in the way of people's own."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from phalanx.access.directory import Directory
from phalanx.access.errors import AccessCode
from phalanx.cli.demo import logins as module
from phalanx.cli.demo.logins import FILE, NAMES, Logins, make_logins
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.domain.access import MACHINE_SCOPES, Role
from phalanx.domain.secrets import Secret
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import ADMIN, PASSWORD, SeededRandom, log_in, open_directory, refused

CLIENT = 7


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with open_directory(tmp_path, ManualClock()) as opened:
        yield opened


def made(directory: Directory, data: Path, seed: int = 1) -> Logins | None:
    return make_logins(directory, data, CLIENT, SeededRandom(seed))


def all_let_in(directory: Directory, logins: Logins) -> bool:
    """Whether every password opens the door, at once, and the key as well."""
    for name, password in logins.passwords.items():
        assert not log_in(directory, name, Secret(password)).must_change
    machine = directory.principal_of(f"Bearer {logins.key}".encode())
    return machine.permissions == MACHINE_SCOPES and set(logins.passwords) == set(NAMES)


def test_one_of_each_role_and_a_machine_key(directory: Directory, tmp_path: Path) -> None:
    logins = made(directory, tmp_path)

    assert logins is not None
    assert all_let_in(directory, logins)
    roles = {user.name: (user.role, user.client_ids) for user in directory.users.list()}
    assert roles == {
        "admin": (Role.ADMIN, ()),
        "client": (Role.CLIENT, (CLIENT,)),
        "trader": (Role.TRADER, ()),
        "viewer": (Role.VIEWER, ()),
    }
    assert len({*logins.passwords.values()}) == len(NAMES)


def test_the_file_is_its_owners_alone(directory: Directory, tmp_path: Path) -> None:
    made(directory, tmp_path)

    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_the_next_start_has_the_same_ones(directory: Directory, tmp_path: Path) -> None:
    first = made(directory, tmp_path)

    assert made(directory, tmp_path, seed=2) == first
    assert len(directory.users.list()) == len(NAMES)
    assert [key.name for key in directory.keys.list()] == ["demo"]


def test_where_people_made_users_of_their_own_there_are_none(
    directory: Directory, tmp_path: Path
) -> None:
    directory.users.create("ann", ADMIN, PASSWORD)

    assert made(directory, tmp_path) is None
    assert [user.name for user in directory.users.list()] == ["ann"]
    assert not (tmp_path / FILE).exists()


def test_a_file_that_is_lost_changes_nobodys_password(directory: Directory, tmp_path: Path) -> None:
    first = made(directory, tmp_path)
    (tmp_path / FILE).unlink()

    assert made(directory, tmp_path, seed=2) is None
    assert first is not None
    assert all_let_in(directory, first)


def test_a_demo_that_was_killed_before_its_users_goes_on_with_the_same_passwords(
    directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_make_users", killed)
        with pytest.raises(KeyboardInterrupt):
            made(directory, tmp_path)
    written = module._read(tmp_path / FILE)
    assert written is not None
    assert directory.users.list() == ()

    logins = made(directory, tmp_path, seed=2)
    assert logins is not None
    assert logins.passwords == written.passwords
    assert all_let_in(directory, logins)


def test_one_that_was_killed_among_its_users_makes_the_others(
    directory: Directory, tmp_path: Path
) -> None:
    passwords = {name: f"the {name} of the demo" for name in NAMES}
    module._write(tmp_path / FILE, Logins(passwords))
    directory.users.create("admin", ADMIN, Secret(passwords["admin"]))

    logins = made(directory, tmp_path)
    assert logins is not None
    assert all_let_in(directory, logins)


def test_a_key_whose_token_was_lost_takes_its_name_along(
    directory: Directory, tmp_path: Path
) -> None:
    first = made(directory, tmp_path)
    assert first is not None
    module._write(tmp_path / FILE, Logins(first.passwords))

    again = made(directory, tmp_path, seed=2)
    assert again is not None
    assert all_let_in(directory, again)
    assert [key.name for key in directory.keys.list()] == ["demo", "demo-2"]


def test_a_password_that_somebody_changed_stays_changed(
    directory: Directory, tmp_path: Path
) -> None:
    logins = made(directory, tmp_path)
    assert logins is not None
    old = Secret(logins.passwords["viewer"])
    session = log_in(directory, "viewer", old).session
    directory.users.change_password(directory.users.get("viewer").id, session, old, PASSWORD)

    assert made(directory, tmp_path) == logins
    assert refused(log_in, directory, "viewer", old) is AccessCode.UNAUTHENTICATED
    assert log_in(directory, "viewer", PASSWORD).session


@pytest.mark.parametrize("text", ["", "{", '{"passwords":1}'])
def test_a_file_that_is_none_stops_the_demo(
    directory: Directory, tmp_path: Path, text: str
) -> None:
    (tmp_path / FILE).write_text(text)

    with pytest.raises(Failure) as caught:
        made(directory, tmp_path)
    assert (caught.value.exit_code, caught.value.code) == (Exit.FAILURE, "DATA_FOLDER")
    assert directory.users.list() == ()
