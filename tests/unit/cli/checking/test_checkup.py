"""The doctor's checks."""

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from phalanx.cli.checking import checkup
from phalanx.cli.checking.checkup import Verdict
from phalanx.cli.exit_codes import Exit
from phalanx.cli.remote.client import Server
from tests.unit.cli.doubles import run


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_this_machine_is_well(tmp_path: Path) -> None:
    result = run("doctor", "--data", str(tmp_path), "--port", "1", "--server", "http://127.0.0.1:1")

    assert result.exit_code == Exit.OK
    names = [line.split()[1] for line in result.stdout.splitlines()]
    assert names == [
        "python",
        "packages",
        "data",
        "space",
        "sync",
        "clock",
        "lock",
        "port",
        "server",
    ]
    assert "server        none at http://127.0.0.1:1" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_json_and_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(
        "doctor", "--json", "--data", str(tmp_path / "file"), "--server", "http://127.0.0.1:1"
    )

    document = json.loads(result.stdout)
    verdicts = {check["name"]: check["verdict"] for check in document["checks"]}
    assert result.exit_code == Exit.FAILURE
    assert document["ok"] is False
    assert (verdicts["data"], verdicts["python"]) == ("fail", "ok")


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "PYTHON_MIN", (9, 9))

    assert checkup.python().verdict is Verdict.FAIL


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["no-such-thing>=1", "msgspec>=0.21", "more; extra == 'x'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda _: wanted)

    assert checkup.packages() == checkup.Finding(
        "packages", Verdict.FAIL, "not installed: no-such-thing"
    )


def test_a_folder_that_will_be_made(tmp_path: Path) -> None:
    assert "will be made" in checkup.folder(tmp_path / "a" / "b").detail
    assert checkup.folder(tmp_path).detail == f"{tmp_path} is there"


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(1024, Verdict.FAIL), (500 * 1024**2, Verdict.WARN), (5 * 1024**3, Verdict.OK)],
)
def test_room_on_the_disk(
    free: int, verdict: Verdict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(0, 0, free))

    assert checkup.space(tmp_path / "new").verdict is verdict


def test_a_slow_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checkup, "SYNC_WARN_MS", -1.0)

    assert checkup.sync(tmp_path).verdict is Verdict.WARN


def test_a_disk_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)

    assert checkup.sync(tmp_path).detail == "cannot be measured: No space left on device"


def test_a_clock_that_was_set_back(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    file = tmp_path / "journal" / "journal.db"
    file.touch()
    assert checkup.clock(tmp_path).verdict is Verdict.OK
    os.utime(file, (time.time() + 3_600,) * 2)
    assert checkup.clock(tmp_path).verdict is Verdict.FAIL


def test_who_holds_the_folder(tmp_path: Path) -> None:
    assert checkup.lock(tmp_path).detail == "nobody holds the data folder"
    file = tmp_path / "lock"
    file.write_text("4711\n")
    assert checkup.lock(tmp_path).detail == "nobody holds the data folder"
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert checkup.lock(tmp_path).detail == "held by process 4711"


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert checkup.free_port("127.0.0.1", other.getsockname()[1]).verdict is Verdict.WARN
    assert checkup.free_port("127.0.0.1", 0).verdict is Verdict.OK


class Served:
    """A server for the checkup, which answers from a table."""

    def __init__(self) -> None:
        self.refuses = ""
        self.answers: dict[str, object] = {
            "/health/live": {"status": "alive"},
            "/health/ready": {"ready": True, "accounts": [], "accounts_closed": 0},
            "/api/v1/breaks": {"items": [], "total": 0, "as_of": 1},
        }

    def checked(self) -> list[checkup.Finding]:
        return checkup.server(Server("http://phalanx.test", 1.0, httpx.MockTransport(self.answer)))

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == self.refuses:
            return httpx.Response(401, json={"code": "UNAUTHENTICATED", "detail": "who are you"})
        body = self.answers.get(request.url.path)
        return httpx.Response(503 if body is None else 200, json=body or {"detail": "not now"})


def test_a_server_whose_books_are_well() -> None:
    there, books = Served().checked()

    assert (there.verdict, there.detail) == (Verdict.OK, "ready at http://phalanx.test")
    assert (books.name, books.verdict) == ("books", Verdict.OK)


def test_a_server_with_breaks_and_accounts_that_are_not_open() -> None:
    served = Served()
    closed = [{"account": "A1", "reason": "no session"}]
    served.answers["/health/ready"] = {"accounts": closed, "accounts_closed": 7}
    served.answers["/api/v1/breaks"] = {"items": [], "total": 2, "as_of": 1}

    _, books = served.checked()

    assert books.verdict is Verdict.WARN
    assert books.detail == (
        "accounts that are not open: 7, A1 because no session; 2 open breaks: phalanx breaks"
    )


def test_a_server_whose_books_we_may_not_see() -> None:
    served = Served()
    served.refuses = "/api/v1/breaks"

    there, books = served.checked()

    assert (there.verdict, there.detail) == (Verdict.OK, "http://phalanx.test answers")
    assert books.verdict is Verdict.WARN
    assert books.detail == "not looked at: who are you; log in: phalanx login"


def test_a_server_that_is_not_ready() -> None:
    served = Served()
    served.answers["/health/ready"] = None

    (found,) = served.checked()

    assert (found.verdict, found.detail) == (
        Verdict.WARN,
        "http://phalanx.test is not ready: not now",
    )
