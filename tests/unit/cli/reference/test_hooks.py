"""`phalanx hooks`: sources of webhooks."""

import json
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

PATH = "/api/v1/hooks"
COUNTS = {"accepted": 7, "refused": 2, "last_accepted": None, "last_refusal": "HOOK_STALE"}
SOURCE = {"name": "tv", "mode": "auto", "verification": "hmac", "secrets": [2, 1]} | {
    "enabled": True,
    "counts": COUNTS,
    "note": "",
}


@pytest.mark.parametrize("words", [("hooks",), ("hooks", "list")])
def test_the_list(words: tuple[str, ...], server: FakeServer) -> None:
    off = {**SOURCE, "name": "old", "enabled": False}
    server.answer("GET", PATH, body={"items": [SOURCE, off], "total": 2, "as_of": 1})

    shown = rows(run(*words).stdout)
    assert shown[1][:6] == ["tv", "auto", "hmac", "2", "7", "2"]
    assert shown[2][:2] == ["old", "off"]


def test_put_and_remove(server: FakeServer, tmp_path: Path) -> None:
    file = tmp_path / "tv.json"
    file.write_text('{"mode": "auto", "caps": {"value_max": 1.10}}')
    server.answer("PUT", f"{PATH}/tv", body=SOURCE)
    server.answer("DELETE", f"{PATH}/tv", body={"name": "tv", "removed": True})

    assert run("hooks", "put", "tv", str(file)).stdout == "webhook source tv is set\n"
    assert server.last.content == file.read_bytes()
    assert server.last.headers["idempotency-key"]
    assert run("hooks", "remove", "tv").stdout == "webhook source tv is removed\n"


def test_a_secret_is_drawn_or_ended(server: FakeServer) -> None:
    drawn = {"source": "tv", "secret": "abc", "slot": 1, "path": "/hooks/tv", "secrets": [1]}
    server.answer("POST", f"{PATH}/tv/secret", body=drawn)
    server.answer("DELETE", f"{PATH}/tv/secret/2", body={"source": "tv", "slot": 2, "secrets": []})

    assert "abc" in run("hooks", "secret", "tv").stdout
    assert json.loads(run("hooks", "secret", "tv", "--json").stdout) == drawn
    assert run("hooks", "secret", "tv", "--end", "2").stdout == "secret 2 of tv is ended\n"
    assert run("hooks", "secret", "tv", "--end", "3").exit_code == Exit.USAGE


def test_a_sample_goes_as_it_is(server: FakeServer) -> None:
    server.answer("POST", f"{PATH}/tv/try", body={"kind": "signal"})

    assert json.loads(run("hooks", "try", "tv", "-", text='{"n": 1.10}').stdout)["kind"] == "signal"
    assert server.last.content == b'{"body":{"n": 1.10}}'
    run("hooks", "try", "tv", "-", text="BUY MINDA")
    assert json.loads(server.last.content) == {"body": "BUY MINDA"}
    Path("broken.json").write_bytes(b'{"n":')
    assert run("hooks", "try", "tv", "broken.json").exit_code == Exit.FAILURE
    Path("latin.txt").write_bytes(b"\xff")
    assert run("hooks", "try", "tv", "latin.txt").exit_code == Exit.FAILURE
