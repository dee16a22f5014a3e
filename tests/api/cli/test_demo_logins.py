"""The demo where people log in: its logins and key work, stay the same, and the traffic flows."""

import stat
from pathlib import Path

import httpx
import msgspec
import pytest

from phalanx.cli.demo.logins import FILE, NAMES, Logins
from phalanx.cli.exit_codes import Exit
from tests.api.cli.processes import Server

SIGNAL = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}


def demo(data: Path, *words: str) -> Server:
    return Server(data, "--logins", "--interval", "0.2", *words, command="demo")


def told(server: Server) -> Logins:
    """The logins as it prints them."""
    words = server.line_with("  logins: ").removeprefix("  logins: ")
    passwords = dict(login.split(" ") for login in words.split(", "))
    return Logins(passwords, server.line_with("export PHALANX_TOKEN=").partition("=")[2])


def test_the_logins_are_told_and_kept_for_their_owner(tmp_path: Path) -> None:
    with demo(tmp_path / "data", "--quiet") as server:
        first = told(server)
        assert server.end() == Exit.OK
    with demo(tmp_path / "data", "--quiet") as server:
        second = told(server)
        assert server.end() == Exit.OK

    file = tmp_path / "data" / FILE
    assert set(first.passwords) == set(NAMES)
    assert second == first == msgspec.json.decode(file.read_bytes(), type=Logins)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    log = (tmp_path / "data/logs/phalanx.jsonl").read_text()
    assert not any(secret in log for secret in (*first.passwords.values(), first.key))


def test_its_curl_line_works_with_the_key_and_not_without(tmp_path: Path) -> None:
    with demo(tmp_path / "data", "--quiet") as server:
        key = told(server).key
        line = server.line_with("curl -X POST")
        url = line.split()[3]
        without = httpx.post(url, json=SIGNAL)
        answer = httpx.post(url, json=SIGNAL, headers={"authorization": f"Bearer {key}"})

    assert '-H "authorization: Bearer $PHALANX_TOKEN"' in line
    assert (without.status_code, without.json()["code"]) == (401, "UNAUTHENTICATED")
    assert (answer.status_code, answer.json()["RESPONSE"]) == (200, "ACCEPTED")


def test_the_traffic_flows_and_the_commands_are_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with demo(tmp_path / "data") as server:
        monkeypatch.setenv("PHALANX_TOKEN", told(server).key)
        assert "STRATEGY_" in server.line_with("accepted by")
        assert {row["kind"] for row in server.items("instructions")} >= {"batch", "signal"}
        watched = server.run("watch", "--lines", "--count", "2", "--backlog")
        assert (watched.exit_code, len(watched.stdout.splitlines())) == (Exit.OK, 2)
        produced = server.run("produce", "--count", "2", "--interval", "0")
        assert produced.exit_code == Exit.OK
        assert server.run("doctor").stdout.count("ok    server") == 1
        assert server.end() == Exit.OK
