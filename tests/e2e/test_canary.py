"""A secret goes in by every way there is into a real server, which is then crashed; it is nowhere.

Looked at: what it answered, wrote and logged, its files, raw and decoded, and what other users of the
machine see of its processes.
"""

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from typer.testing import CliRunner
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from phalanx.access.login import Attempt
from phalanx.access.machine_keys import NewKey
from phalanx.access.users import Duties
from phalanx.api import examples
from phalanx.api.catalogue import DOORS
from phalanx.api.exchange import Door
from phalanx.bootstrap.sealed import open_access
from phalanx.cli import app
from phalanx.config import Settings
from phalanx.domain.access import MACHINE_SCOPES, Role
from phalanx.domain.events import decode_events
from phalanx.domain.secrets import Secret
from phalanx.domain.time import DAY
from phalanx.journal.sqlite import SqliteJournalReader
from tests.canary import CANARY, found_in, hidden
from tests.e2e.server import Server

PATH: Final = "/api/v1/credentials"
SECRET_FIELDS: Final = frozenset(
    {"code", "new", "old", "password", "refresh_token", "secret", "token"}
)
"""What secrets are called in the bodies of doors, those to come included."""


class Site:
    """The server, whoever administers it, and all secrets that were ever near it."""

    def __init__(self, server: Server, bearer: str, secrets: list[str]) -> None:
        self.server = server
        self.secrets = secrets
        headers = {"authorization": f"Bearer {bearer}"}
        self._http = httpx.Client(headers=headers, trust_env=False, timeout=60)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401  as httpx
        """An answer, in which no secret is."""
        answer = self._http.request(method, f"{self.server.url}{path}", **more)
        assert hidden(self.secrets, answer.content + repr(answer.headers.raw).encode())
        return answer

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    data = tmp_path / "data"
    bearer, secrets = fill(data)
    with pytest.MonkeyPatch.context() as patched:
        # A crash is told by the interpreter itself, frame by frame.
        patched.setenv("PYTHONFAULTHANDLER", "1")
        server = Server(data, "--logins")
        server.start()
    found = Site(server, bearer, secrets)
    yield found
    found.close()
    server.kill()


def fill(data: Path) -> tuple[str, list[str]]:
    """An admin with the canary as password, a second factor, a machine key, a credential: its access
    token, and all that is secret by now.
    """
    data.mkdir(0o700)
    access = open_access(Settings(data=data), lambda *_: None)
    users = access.directory
    admin = users.users.create("ann", Duties(Role.ADMIN), Secret(CANARY)).user
    tokens = users.login(Attempt("ann", Secret(CANARY)))
    enrolment = users.factors.enrol(admin.id, Secret(CANARY))
    key = users.keys.create(NewKey("feed", MACHINE_SCOPES, users.now() + DAY), by="ann")
    access.credentials.put("dealer-0", "stub", {"seed": Secret(CANARY)}, expected=0, by="ann")
    access.close()
    secrets = (tokens.access, tokens.refresh, enrolment.secret, key.token)
    return tokens.access.reveal(), [CANARY, *(secret.reveal() for secret in secrets)]


def spoiled(door: Door) -> Iterator[object]:
    """A door's examples with the canary wherever something secret belongs, and in the wrong shape."""
    for example in door.examples.values():
        named = SECRET_FIELDS & set(example) if isinstance(example, dict) else ()
        for field in named:
            for value in (CANARY, [CANARY], {CANARY: CANARY}, CANARY * 3_000):
                yield {**example, field: value}


def send_everything(site: Site) -> None:
    """Each way in, right and wrong."""
    fields = {"api_key": CANARY, "password": f"{CANARY}-2"}
    body = {"broker": "paper", "fields": fields, "expected": 0}
    assert site.ask("PUT", f"{PATH}/dealer-1", json=body).status_code == 200
    for wrong in (
        *({**body, "expected": 7}, {**body, "fields": CANARY}, {**body, "fields": [CANARY]}),
        *({**body, "fields": {CANARY: 1}}, {**body, CANARY: CANARY}, {**body, "expected": CANARY}),
        *({**body, "fields": {"k": CANARY * 300}}, {CANARY: body}, CANARY, [CANARY]),
    ):
        answer = site.ask("PUT", f"{PATH}/dealer-1", json=wrong)
        assert answer.status_code in {409, 422}, answer.text
    for scheme in (f"Bearer {CANARY}", f"Bearer phx_{CANARY}", f"Basic {CANARY}", CANARY):
        assert site.ask("GET", PATH, headers={"authorization": scheme}).status_code == 401
    for door in DOORS:
        for content in spoiled(door):
            path = door.path.format_map(examples.PARTS)
            assert site.ask(door.method, path, json=content).status_code < 500
    with pytest.raises(InvalidStatus):
        connect(f"ws{site.server.url.removeprefix('http')}/ws?ticket={CANARY}", proxy=None)
    for path in ("/metrics", "/openapi.json", PATH, f"{PATH}/keks", "/health/ready"):
        assert site.ask("GET", path).status_code == 200
    assert site.ask("POST", f"{PATH}/rekey").json()["failed"] == 0


def check_processes(site: Site) -> None:
    """What is seen of the server's process and of the one that writes its views."""
    seen = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(maxsplit=2) for line in seen.splitlines()]
    pids = [pid for pid, parent, _ in rows if str(site.server.pid) in (pid, parent)]
    assert len(pids) == 2
    assert hidden(site.secrets, seen.encode())
    for pid in pids:
        for name in ("cmdline", "environ"):
            assert hidden(site.secrets, Path(f"/proc/{pid}/{name}").read_bytes())
        limits = Path(f"/proc/{pid}/limits").read_text()
        (core,) = [line for line in limits.splitlines() if line.startswith("Max core")]
        assert core.split()[4:6] == ["0", "0"]


def check_files(site: Site, folder: Path) -> None:
    """Every file below the folder, but for the key; only their owner may read them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"journal.db", "views.db", "access.db", "phalanx.jsonl"} <= {one.name for one in files}
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        if path.name != "access.key":
            assert hidden(site.secrets, path.read_bytes()), path
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    reader = SqliteJournalReader(folder / "data")
    try:
        events = [decode_events(record.body) for record in reader.records()]
    finally:
        reader.close()
    assert events
    assert hidden(site.secrets, repr(events).encode())


def test_a_secret_is_nowhere_whatever_happens_to_it(site: Site, tmp_path: Path) -> None:
    server = site.server
    send_everything(site)
    check_processes(site)
    os.kill(server.pid, signal.SIGABRT)
    assert server.wait() == -signal.SIGABRT
    crash = "".join(server.complaints + server.output)
    assert "Fatal Python error: Aborted" in crash
    assert hidden(site.secrets, crash.encode())
    check_files(site, tmp_path)

    # A shell without job control has its children ignore it, and theirs.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    server.start()
    assert site.ask("GET", PATH).status_code == 200
    os.kill(server.pid, signal.SIGQUIT)
    assert server.wait() == -signal.SIGQUIT
    server.start()
    assert server.stop() == 0
    assert hidden(site.secrets, "".join(server.complaints + server.output).encode())
    check_files(site, tmp_path)
    for command in ("verify", "replay"):
        result = CliRunner().invoke(app, [command, str(server.data)])
        assert result.exit_code == 0, result.output
        assert hidden(site.secrets, result.output.encode())


def test_the_secret_would_be_found() -> None:
    assert found_in(f"the password {CANARY} was wrong".encode())
    assert list(spoiled(next(door for door in DOORS if door.path.endswith("/ticket")))) == []
