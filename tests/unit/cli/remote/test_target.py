"""Where a command goes, and as whom: the order of the ways to say it."""

from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.address import DEFAULT_SERVER
from phalanx.cli.remote.connections import Connection, change_book
from phalanx.cli.remote.folder import home
from phalanx.cli.remote.safes import FileSafe, Kept
from phalanx.cli.remote.target import Target, target
from phalanx.domain.secrets import Secret

DESK, OTHER = "https://desk.test", "http://other.test"


def keep(name: str, url: str, token: str) -> None:
    change_book(home(), lambda book: book.with_connection(name, Connection(url)))
    FileSafe(home(), name).write(Kept(Secret(token)))


@pytest.fixture
def _connections() -> None:
    keep("main", DESK, "of-main")
    keep("algo", OTHER, "of-algo")


def said(found: Target) -> tuple[str, str]:
    token = found.identity.token()
    return found.url, "" if token is None else token.reveal()


def test_without_anything_it_is_this_machine_as_nobody() -> None:
    assert said(target(None, None)) == (DEFAULT_SERVER, "")


@pytest.mark.usefixtures("_connections")
def test_the_default_connection() -> None:
    assert said(target(None, None)) == (DESK, "of-main")
    assert said(target(f"{DESK}:443/", None)) == (DESK, "of-main")


@pytest.mark.usefixtures("_connections")
def test_a_named_connection_wins_over_the_default_one() -> None:
    assert said(target(None, "algo")) == (OTHER, "of-algo")


@pytest.mark.usefixtures("_connections")
def test_a_token_of_the_environment_wins_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHALANX_TOKEN", "phx_mine\n")

    assert said(target(None, "algo")) == (OTHER, "phx_mine")
    assert said(target("http://third.test", None)) == ("http://third.test", "phx_mine")
    assert "PHALANX_TOKEN" in target(None, None).identity.advice


@pytest.mark.usefixtures("_connections")
def test_the_settings_file_of_the_folder_wins_over_where_the_default_leads() -> None:
    Path("phalanx.toml").write_text(f'server = "{OTHER}"\n')

    assert said(target(None, None)) == (OTHER, "")
    assert said(target(None, "main")) == (DESK, "of-main")


@pytest.mark.usefixtures("_connections")
def test_a_secret_goes_to_its_own_server_only() -> None:
    assert said(target(OTHER, None)) == (OTHER, "")
    assert said(target("http://desk.test", None)) == ("http://desk.test", "")
    with pytest.raises(Failure) as caught:
        target(OTHER, "main")
    assert (caught.value.exit_code, caught.value.code) == (Exit.USAGE, "CONNECTION_ELSEWHERE")


def test_a_connection_that_there_is_not() -> None:
    with pytest.raises(Failure, match="NO_SUCH_CONNECTION"):
        target(None, "main")


@pytest.mark.usefixtures("_connections")
def test_a_key_that_was_forgotten() -> None:
    FileSafe(home(), "algo").forget()

    with pytest.raises(Failure, match="--key-stdin") as caught:
        target(None, "algo")
    assert caught.value.code == "LOGIN_NEEDED"


@pytest.mark.usefixtures("_connections")
def test_a_secret_that_others_may_read_is_not_sent() -> None:
    (home() / "connections/main.secret").chmod(0o644)

    with pytest.raises(Failure, match="NOT_PRIVATE"):
        target(None, None)
