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
    monkeypatch.delenv(f"PHALANX_{name}", raising=False)
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


def test_older_keys_are_sources_between_commas_beside_a_newer_one() -> None:
    with pytest.raises(ValidationError, match="kek_older is of no use without kek"):
        Settings(kek_older="env:OLD")

    found = Settings(kek="file:/k/new", kek_older=" file:/k/old, command:show key ,")
    assert found.older_keks == ("file:/k/old", "command:show key")


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


@pytest.mark.parametrize(
    "origins",
    [
        *("*", "null", "https://*.oms.com", "oms.com", "https://oms.com/", "https://OMS.com"),
        *("https://oms.com:443", "http://oms.com:80", "ftp://oms.com", "https://me@oms.com"),
        *("https://oms.com, *", "https://oms.com:99999", "https://", "https://ä.com", "https://["),
    ],
)
def test_an_origin_is_what_a_browser_calls_it_and_no_pattern(origins: str) -> None:
    with pytest.raises(ValidationError, match="cors_origins"):
        Settings(cors_origins=origins)


@pytest.mark.parametrize("origins", ["", "https://oms.com, http://[::1]:5173, http://a.b:443"])
def test_origins_are_named_with_commas(origins: str) -> None:
    assert Settings(cors_origins=origins).cors_origins == origins


@pytest.mark.parametrize("rate", ["2000", "2000/s", "0/second", "-1/second", "1.5/hour", "a/hour"])
def test_a_rate_is_a_number_and_a_time(rate: str) -> None:
    for name in ("rate_per_key", "rate_per_address", "rate_failures_per_address"):
        with pytest.raises(ValidationError, match=name):
            Settings.model_validate({name: rate})
    assert Settings(rate_per_key="").rate_per_key == ""


def test_proxies_are_addresses_and_networks() -> None:
    assert Settings(trusted_proxies="10.0.0.0/8, ::1").trusted_proxies == "10.0.0.0/8, ::1"
    for name in ("proxy.example", "10.0.0.1/8", "10.0.0.0/8 ::1"):
        with pytest.raises(ValidationError, match="trusted_proxies"):
            Settings(trusted_proxies=name)


def test_a_certificate_has_a_key_and_a_proxy_has_a_name() -> None:
    with pytest.raises(ValidationError, match="given together"):
        Settings(tls_certificate=CA)
    with pytest.raises(ValidationError, match="trusted_proxies names none"):
        Settings(tls_ends_at="proxy")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://a",
            "tcp://a",
            "tcp://a:0",
            "tcp://a:1/x",
            "tcp://:1",
            "a:1",
            "ws://",
            "wss://a:x",
        ),
        *("wss://me@a", "tcp://a:1?b"),
    ],
)
def test_a_broadcast_is_reached_over_tcp_or_a_websocket(url: str) -> None:
    with pytest.raises(ValidationError, match="broadcast"):
        Settings(broadcast=url)
    for good in ("", "tcp://a:1", "tcp://[::1]:18001", "ws://a:1", "wss://a.example/jwebsocket/x"):
        assert Settings(broadcast=good).broadcast == good


def test_a_broadcast_needs_an_address_and_a_code_and_authorities_need_tls() -> None:
    for given in ({}, {"broadcast": "tcp://a:1"}, {"broadcast_code": "AA17"}):
        with pytest.raises(ValidationError, match="is not given"):
            Settings.model_validate({"quotes": "broadcast", **given})
    with pytest.raises(ValidationError, match="not reached over wss"):
        Settings(broadcast="ws://a", broadcast_ca=CA)
    with pytest.raises(ValidationError, match="broadcast_code"):
        Settings(broadcast_code="ÄÖ")
    found = Settings(quotes="broadcast", broadcast="wss://a", broadcast_code="A1", broadcast_ca=CA)
    assert found.broadcast_scrips == 200
