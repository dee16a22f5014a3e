"""A system with Motilal's module: a login from a file, its credentials from the vault, accounts by the desk."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from phalanx.brokers.motilal.endpoints import Path as Endpoint
from phalanx.cli.exit_codes import Failure
from phalanx.cli.process.startup import check_files
from phalanx.config import Settings
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site
from tests.unit.brokers.motilal.order_door import OrderDoor
from tests.unit.brokers.motilal.samples import ACCESS, HOLDING, LOGGED_IN, MARGIN, ok

FIELDS = {
    "user": "AA020",
    "password": "Secret@1",
    "api_key": "APIKEY123",
    "api_secret": "hush",
    "second_factor": "18/10/1988",
    "totp_seed": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
}
ACCOUNT = "/api/v1/accounts/MOTILAL-1"


@pytest.fixture
async def door() -> AsyncIterator[OrderDoor]:
    """A broker that answers every question; its socket is not there."""
    door = OrderDoor()
    rows: dict[str, list[Any]] = {
        Endpoint.ORDER_BOOK: [],
        Endpoint.TRADE_BOOK: [],
        Endpoint.POSITIONS: [],
        Endpoint.HOLDINGS: [HOLDING],
        Endpoint.MARGIN: MARGIN,
    }
    door.answers = {path: [(200, json.dumps(ok(found)).encode())] for path, found in rows.items()}
    door.answers[Endpoint.LOGIN] = [(200, LOGGED_IN)]
    door.answers[Endpoint.ACCESS_TOKEN] = [(200, ACCESS)]
    door.answers[Endpoint.LOGOUT] = [(200, b'{"status":"SUCCESS"}')]
    await door.start()
    yield door
    await door.close()


def logins(folder: Path, door: OrderDoor) -> Path:
    file = folder / "logins.toml"
    file.write_text(
        f'[ann]\nrest = "http://127.0.0.1:{door.port}"\nsocket = "ws://127.0.0.1:1/ws"\n'
        'public_ip = "203.0.113.7"\nregistered = ["203.0.113.7"]\nalgo_id = "77"\n'
    )
    return file


async def test_an_account_is_opened_with_what_its_broker_shows(
    tmp_path: Path, door: OrderDoor
) -> None:
    file = logins(tmp_path, door)
    async with open_site(tmp_path / "data", motilal_logins=file) as site:
        await site.profiles(WORKED_EXAMPLE)
        new = {"client": 1, "broker": "motilal", "login": "ann", "mode": "live"}
        assert (await site.send("POST", "/api/v1/accounts", new)).status_code == 201
        sealed = {"broker": "motilal", "fields": FIELDS, "expected": 0}
        assert (await site.send("PUT", "/api/v1/credentials/ann", sealed)).status_code == 200
    door.came.clear()

    async with open_site(tmp_path / "data", motilal_logins=file) as site:

        async def is_open() -> bool:
            return "MOTILAL-1" not in site.system.desk.closed

        await site.until(is_open)
        audit = await site.get("/api/v1/audit", limit=20)

    asked = [one.path for one in door.came]
    assert asked[:3] == [Endpoint.LOGIN, Endpoint.ACCESS_TOKEN, Endpoint.ORDER_BOOK]
    assert asked[-1] == Endpoint.LOGOUT
    assert json.loads(door.came[0].body)["password"] != "Secret@1"
    assert "credential_read" in json.dumps(audit)
    assert "Secret@1" not in json.dumps(audit)


async def test_without_credentials_its_account_says_why(tmp_path: Path, door: OrderDoor) -> None:
    async with open_site(tmp_path / "data", motilal_logins=logins(tmp_path, door)) as site:
        await site.profiles(WORKED_EXAMPLE)
        new = {"client": 1, "broker": "motilal", "login": "ann", "mode": "live"}
        await site.send("POST", "/api/v1/accounts", new)

        async def says_why() -> bool:
            return "NO_CREDENTIAL" in json.dumps(await site.get(ACCOUNT))

        await site.until(says_why)
    assert door.came == []


async def test_without_a_file_there_is_no_such_broker(site: Site) -> None:
    await site.profiles(WORKED_EXAMPLE)

    answer = await site.send("POST", "/api/v1/accounts", {"client": 1, "broker": "motilal"})

    assert answer.status_code >= 400


def test_a_file_with_a_fault_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "logins.toml"
    file.write_text("[ann]\npassword = 'x'\n")

    with pytest.raises(Failure) as caught:
        check_files(Settings(motilal_logins=file))

    assert caught.value.code == "INVALID_LOGINS"
    assert str(file) in caught.value.detail
