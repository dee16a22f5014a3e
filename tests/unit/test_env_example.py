"""``.env.example`` names every setting with its default, and says of others what becomes of them."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from phalanx.config import Settings
from tests.fakes.wire_peer import CA

TEXT = (Path(__file__).parents[2] / ".env.example").read_text()
SHOWN = dict(re.findall(r"^# PHALANX_([A-Z_]+)=(.*)$", TEXT, re.MULTILINE))


def test_every_setting_is_there_and_no_other() -> None:
    assert sorted(SHOWN) == sorted(field.upper() for field in Settings.model_fields)


@pytest.mark.parametrize("name", SHOWN)
def test_it_shows_the_default(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    default = getattr(Settings(), name.lower())

    monkeypatch.setenv(f"PHALANX_{name}", SHOWN[name])
    assert getattr(Settings(), name.lower()) == default


def test_an_empty_path_is_none_in_the_file_of_settings_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("phalanx.toml").write_text('profiles = ""\ninstruments = ""\nquotes_file = ""\n')

    found = Settings()

    assert (found.profiles, found.instruments, found.quotes_file) == (None, None, None)


def test_a_replay_from_an_empty_path_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHALANX_QUOTES_FILE", "")

    with pytest.raises(ValidationError, match="quotes_file names no file"):
        Settings(quotes="replay")


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a", "broker:80", "http://", "https://", "http://a/b", "http://me@a"),
        *("http://a:x", "http://a:0", "http://a:65536", "http://:80", "http://[::1", "http://a:-1"),
    ],
)
def test_a_stub_broker_is_reached_over_http_or_https_and_nothing_else(url: str) -> None:
    with pytest.raises(ValidationError, match="stub_broker"):
        Settings(stub_broker=url)


@pytest.mark.parametrize(
    "url", ["", "http://broker", "http://127.0.0.1:1", "http://[::1]:80/", "https://a:1"]
)
def test_where_a_stub_broker_may_be(url: str) -> None:
    assert Settings(stub_broker=url).stub_broker == url


@pytest.mark.parametrize("source", ["here", "10.0.0", "127.0.0.1:80", "10.0.0.0/8"])
def test_a_source_is_an_address(source: str) -> None:
    for address in ("10.0.0.1", "fe80::1"):
        assert Settings(stub_broker_source=address).stub_broker_source == address
    with pytest.raises(ValidationError, match="stub_broker_source"):
        Settings(stub_broker_source=source)


def test_authorities_are_certificates_in_a_file_and_for_https(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("empty.pem", "none.pem"):
        with pytest.raises(ValidationError, match=f"no certificates in .*{name}"):
            Settings(stub_broker="https://a", stub_broker_ca=tmp_path / name)

    assert Settings(stub_broker="https://a", stub_broker_ca=CA).stub_broker_ca == CA
    with pytest.raises(ValidationError, match="not reached over https"):
        Settings(stub_broker="http://a", stub_broker_ca=CA)


def test_a_copy_of_it_changes_nothing() -> None:
    assert [line for line in TEXT.splitlines() if line and not line.startswith("#")] == []


@pytest.mark.parametrize(
    "name", ["POSTGRES_HOST", "POSTGRES_PASSWORD", "REDIS_HOST", "MOTILAL_API_KEY", "SECRET_KEY"]
)
def test_names_from_elsewhere_are_said_not_to_be_read(name: str) -> None:
    (about,) = re.findall(rf"^# (?:.*, )?{name}\b(?:.*\n#  )*.*", TEXT, re.MULTILINE)

    assert re.search(r"\snot read by this\s(#   )?version", about, re.IGNORECASE)


def test_the_port_of_another_api_has_a_name_here() -> None:
    assert "# API_PORT, PORT: the port of the API. Becomes PHALANX_PORT." in TEXT
