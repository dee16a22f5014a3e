"""Where a command goes, and as whom: the order of the ways to say it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote import trust
from phalanx.cli.remote.address import DEFAULT_SERVER
from phalanx.cli.remote.connections import Connection, change_book
from phalanx.cli.remote.folder import home
from phalanx.cli.remote.safes import FileSafe, Kept
from phalanx.cli.remote.target import Target, target
from phalanx.domain.secrets import Secret
from tests.fakes.wire_peer import CA

DESK, OTHER = "https://desk.test", "https://other.test"


def keep(name: str, url: str, token: str) -> None:
    change_book(home(), lambda book: book.with_connection(name, Connection(url)))
    FileSafe(home(), name).write(Kept(Secret(token)))


@pytest.fixture(autouse=True)
def nothing_chosen() -> Iterator[None]:
    yield
    trust.choose(None)
    trust.allow_plain(False)


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
    assert said(target("https://third.test", None)) == ("https://third.test", "phx_mine")
    assert "PHALANX_TOKEN" in target(None, None).identity.advice


@pytest.mark.usefixtures("_connections")
def test_the_settings_file_of_the_folder_wins_over_where_the_default_leads() -> None:
    Path("phalanx.toml").write_text(f'server = "{OTHER}"\n')

    assert said(target(None, None)) == (OTHER, "")
    assert said(target(None, "main")) == (DESK, "of-main")


@pytest.mark.usefixtures("_connections")
def test_a_secret_goes_to_its_own_server_only() -> None:
    assert said(target(OTHER, None)) == (OTHER, "")
    assert said(target("https://desk.test:1", None)) == ("https://desk.test:1", "")
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


def refused(server: str | None = None, connection: str | None = None) -> tuple[Exit, str]:
    with pytest.raises(Failure) as caught:
        target(server, connection)
    return caught.value.exit_code, caught.value.code


@pytest.mark.parametrize("token", ["phx_mine", ""])
def test_a_server_that_only_the_folder_names_gets_nothing(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("PHALANX_TOKEN", token)
    Path("phalanx.toml").write_text(f'server = "{DESK}"\n')

    assert refused() == (Exit.NOT_ALLOWED, "SERVER_NOT_NAMED")
    with pytest.raises(Failure, match=f"--server {DESK}"):
        target(None, None)
    assert said(target(DESK, None)) == (DESK, token)
    keep("main", DESK, "of-main")
    assert said(target(None, None)) == (DESK, token or "of-main")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::1]:9", "http://localhost:9"])
def test_the_folder_may_name_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PHALANX_TOKEN", "phx_mine")
    Path("phalanx.toml").write_text(f'server = "{url}"\nca = "none.pem"\n')

    assert said(target(None, None)) == (url, "phx_mine")


@pytest.mark.parametrize(
    "url", ["http://desk.test", "http://10.0.0.1:8080", "http://127.0.0.1.x.y"]
)
def test_plain_http_leaves_this_machine_only_when_that_is_said(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("PHALANX_TOKEN", "phx_mine")
    keep("plain", url, "of-plain")

    assert refused(url) == refused(None, "plain") == (Exit.NOT_ALLOWED, "NOT_ENCRYPTED")
    trust.allow_plain(True)
    assert said(target(url, None)) == (url, "phx_mine")


@pytest.mark.usefixtures("_connections")
def test_an_authority_that_only_the_folder_names_opens_no_way() -> None:
    Path("phalanx.toml").write_text(f'ca = "{CA}"\n')

    assert refused() == refused(DESK) == (Exit.NOT_ALLOWED, "CA_NOT_NAMED")
    trust.choose(CA)
    assert said(target(None, None)) == (DESK, "of-main")
    trust.choose(None)
    change_book(home(), lambda book: book.with_connection("main", Connection(DESK, ca=str(CA))))
    assert said(target(None, None)) == (DESK, "of-main")
    assert trust.chosen() == CA
