"""A server process: its settings, its socket, its folder."""

import resource
import socket
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.files import read_bounded
from phalanx.cli.process import listener as module
from phalanx.cli.process.listener import bind, url_of
from phalanx.cli.process.startup import check_files, prepare_folder
from phalanx.cli.process_settings import load_settings, require_encryption, require_loopback
from tests.unit.cli.doubles import run


def test_flag_then_environment_then_file_then_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().port == 8080
    Path("phalanx.toml").write_text("port = 1\n")
    assert load_settings().port == 1
    monkeypatch.setenv("PHALANX_PORT", "2")
    assert load_settings().port == 2
    assert load_settings(port=3).port == 3


@pytest.mark.parametrize(
    ("text", "name"), [("port = 'x'", "port"), ("prot = 1", "prot"), ("port =", "phalanx.toml")]
)
def test_a_bad_setting_is_usage_and_named(text: str, name: str) -> None:
    Path("phalanx.toml").write_text(text)
    with pytest.raises(Failure) as caught:
        load_settings()

    assert (caught.value.exit_code, caught.value.code) == (Exit.USAGE, "BAD_SETTING")
    assert caught.value.detail.startswith(name)


def test_quotes_name_their_source_and_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (load_settings().quotes, load_settings().quotes_file) == ("closes", None)
    assert load_settings(quotes="walk").quotes == "walk"
    replayed = load_settings(quotes="replay:days/a:b.csv")
    assert (replayed.quotes, replayed.quotes_file) == ("replay", Path("days/a:b.csv"))

    monkeypatch.setenv("PHALANX_QUOTES_FILE", "c.csv")
    assert load_settings(quotes="replay").quotes_file == Path("c.csv")


@pytest.mark.parametrize("quotes", ["", "feed", "walk:x", "replay", "replay:"])
def test_quotes_of_no_source_are_refused(quotes: str) -> None:
    with pytest.raises(Failure, match="BAD_SETTING"):
        load_settings(quotes=quotes)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", ""])
def test_any_other_address_than_loopback_is_not_allowed(host: str) -> None:
    with pytest.raises(Failure) as caught:
        require_loopback(load_settings(host=host, open_localhost=True))

    assert (caught.value.exit_code, caught.value.code) == (Exit.NOT_ALLOWED, "NOT_LOOPBACK")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_is_allowed(host: str) -> None:
    require_loopback(load_settings(host=host, open_localhost=True))


def test_where_people_log_in_any_address_will_do() -> None:
    require_loopback(load_settings(host="0.0.0.0", open_localhost=False))


def test_people_log_in_unless_somebody_says_otherwise() -> None:
    assert not load_settings().open_localhost


def test_a_taken_port_is_named_with_advice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Failure) as caught:
            bind("127.0.0.1", port, "make demo PORT={port}", loopback=True)

    assert (caught.value.exit_code, caught.value.code) == (Exit.FAILURE, "PORT_IN_USE")
    assert f"port {port} of 127.0.0.1 is taken" in caught.value.detail
    assert f"make demo PORT={port + 1}" in caught.value.detail or port == 65_535


def test_port_zero_takes_a_free_one() -> None:
    with bind("localhost", 0, "", loopback=True) as listener:
        assert url_of(listener).startswith(("http://127.0.0.1:", "http://[::1]:"))
        assert not url_of(listener).endswith(":0")


def test_a_name_that_leads_elsewhere_is_not_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    found = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [found])
    with pytest.raises(Failure, match="NOT_LOOPBACK"):
        bind("localhost", 0, "", loopback=True)


def test_a_port_that_cannot_be_had() -> None:
    with pytest.raises(Failure, match="CANNOT_LISTEN"):
        bind("no.such.host.invalid", 0, "", loopback=True)


def test_the_data_folder_is_made(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "logs").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="DATA_FOLDER"):
        prepare_folder(tmp_path / "file")


def test_bad_files_are_found_before_anything_is_touched(tmp_path: Path) -> None:
    profiles, instruments = tmp_path / "p.json", tmp_path / "i.csv"
    profiles.write_text('{\n "A": 3}')
    instruments.write_text(
        "symbol,token_id,exchange,instrument_type,lot_size,tick_size\nX,1,NSE,EQ,x,1\n"
    )
    with pytest.raises(Failure, match="WRONG_TYPE") as profile_fault:
        check_files(load_settings(profiles=profiles))
    with pytest.raises(Failure, match="BAD_NUMBER") as instrument_fault:
        check_files(load_settings(instruments=instruments))

    assert profile_fault.value.facts == {"line": 2, "column": 7}
    assert instrument_fault.value.facts == {"line": 2, "column": "lot_size"}
    days = tmp_path / "days.csv"
    days.write_text("date,symbol,open,high,low,close,volume\n2025-09-01,X,1,1,1,x,1\n")
    with pytest.raises(Failure, match="BAD_NUMBER") as quotes_fault:
        check_files(load_settings(quotes=f"replay:{days}"))
    assert quotes_fault.value.facts == {"line": 2, "column": "close"}
    result = run("serve", "--data", str(tmp_path / "data"), "--profiles", str(profiles))
    assert (result.exit_code, (tmp_path / "data").exists()) == (Exit.FAILURE, False)


def test_serve_refuses_another_address_before_anything_is_touched(tmp_path: Path) -> None:
    result = run("serve", "--open-localhost", "--host", "0.0.0.0", "--data", str(tmp_path / "data"))

    assert (result.exit_code, (tmp_path / "data").exists()) == (Exit.NOT_ALLOWED, False)
    assert "refusing to listen on 0.0.0.0: with --open-localhost nobody" in result.stderr


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"12345")

    assert read_bounded(file, 5) == b"12345"
    with pytest.raises(Failure, match="FILE_TOO_LARGE"):
        read_bounded(file, 4)


def test_many_files_may_be_open() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert module.allow_many_files() >= min(limits[1], module.FILES_WANTED) or limits[1] < 0
        assert module.allow_many_files() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_plain_http_to_other_machines_needs_a_word() -> None:
    with pytest.raises(Failure) as caught:
        require_encryption(load_settings(host="0.0.0.0"))
    assert (caught.value.exit_code, caught.value.code) == (Exit.NOT_ALLOWED, "TLS_NEEDED")

    require_encryption(load_settings(host="::1"))
    Path("phalanx.toml").write_text('tls_ends_at = "nowhere"\n')
    require_encryption(load_settings(host="0.0.0.0"))
    Path("phalanx.toml").write_text('tls_ends_at = "proxy"\ntrusted_proxies = "10.0.0.1"\n')
    require_encryption(load_settings(host="0.0.0.0"))
    Path("phalanx.toml").write_text('tls_certificate = "a"\ntls_key = "b"\n')
    require_encryption(load_settings(host="0.0.0.0"))
