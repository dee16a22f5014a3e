"""`kill -9` on the way to a new key: the next start opens every credential, and everybody is let in."""

import sys
from pathlib import Path

import httpx
import pytest

from phalanx.access.machine_keys import NewKey
from phalanx.access.vault.rewrap import BATCH
from phalanx.bootstrap import audit_trail
from phalanx.bootstrap.sealed import open_access
from phalanx.config import Settings
from phalanx.domain.access import MACHINE_SCOPES
from phalanx.domain.secrets import Secret
from phalanx.domain.time import DAY
from tests.canary import CANARY
from tests.e2e.server import PHALANX, Server

LOGINS = [f"dealer-{number}" for number in range(BATCH + 10)]
PROGRAM = (sys.executable, "-m", "tests.e2e.dying_rotation")


def fill(data: Path) -> str:
    """Credentials of more than a batch, and the token of a key that may read."""
    data.mkdir()
    access = open_access(Settings(data=data), lambda *_: None)
    for login in LOGINS:
        access.credentials.put(login, "stub", {"password": Secret(CANARY)}, expected=0, by="ann")
    until = access.directory.now() + DAY
    key = access.directory.keys.create(NewKey("reader", MACHINE_SCOPES, until), by="ann")
    access.close()
    return key.token.reveal()


def rotations(data: Path) -> list[str]:
    """What the audit says of changes of the key."""
    acts = (act for _, of_record in audit_trail(data) for _, act in of_record)
    return [act.detail for act in acts if act.act == "kek_rotated"]


def check_all_open(data: Path) -> None:
    access = open_access(Settings(data=data), lambda *_: None)
    try:
        for login in LOGINS:
            assert access.credentials.read(login, "desk", "a test")["password"] == Secret(CANARY)
        assert access.rewrapping.in_use().keys() == {access.keyring.current_id}
    finally:
        access.close()
    assert sorted(path.name for path in data.glob("access.key*")) == ["access.key"]


# Every other step: tests/unit/access/vault/test_rotation.py, without a process.
@pytest.mark.parametrize("step", ["2", "swap", "remove"])
def test_a_server_that_is_killed_while_its_key_changes_starts_with_everything(
    tmp_path: Path, step: str
) -> None:
    data = tmp_path / "data"
    token = fill(data)
    dying = Server(data, "--open-localhost", program=(*PROGRAM, step))
    dying.start()
    with pytest.raises(httpx.HTTPError):
        httpx.post(f"{dying.url}/api/v1/credentials/rekey", trust_env=False, timeout=60)
    assert dying.wait() == -9

    server = Server(data, "--logins", program=PHALANX)
    server.start()
    try:
        bearer = {"authorization": f"Bearer {token}"}
        answer = httpx.get(f"{server.url}/api/v1/accounts", headers=bearer, trust_env=False)
        assert answer.status_code == 200, answer.text
    finally:
        assert server.stop() == 0
    check_all_open(data)
    (detail,) = rotations(data)
    assert "; finished by a start; done " in detail
