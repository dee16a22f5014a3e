"""The doors of sealed credentials: what goes in is sealed, and never given back or repeated."""

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from phalanx.access.vault.credentials import FIELDS_MAX, VALUE_BYTES_MAX
from phalanx.access.vault.key_places import OwnFiles
from phalanx.access.vault.sql_credentials import SqlCredentials
from phalanx.api.catalogue import DOORS
from phalanx.api.credentials import PATH, CredentialBody
from phalanx.bootstrap.machine import SystemRandom
from tests.api.conftest import Site, happened, open_site
from tests.canary import CANARY, found_in

NEW = {"broker": "paper", "fields": {"api_key": CANARY, "password": "x"}, "expected": 0}


async def put(site: Site, login: str, **changes: object) -> Any:  # noqa: ANN401  JSON
    answer = await site.send("PUT", f"{PATH}/{login}", {**NEW, **changes})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


async def read(site: Site, login: str) -> dict[str, str]:
    credentials = site.system.access.credentials
    fields = await asyncio.to_thread(credentials.read, login, "desk", "a test")
    return {name: secret.reveal() for name, secret in fields.items()}


async def test_a_credential_is_sealed_and_listed_without_its_fields(site: Site) -> None:
    before = site.system.desk.state.seq
    written = await put(site, "dealer-1")
    listed = await site.http.get(PATH)

    assert listed.json() == {"items": [written]}
    assert listed.headers["cache-control"] == "no-store"
    assert (written["login"], written["broker"], written["version"]) == ("dealer-1", "paper", 1)
    assert (written["created_by"], set(written)) == (
        "local",
        {"login", "broker", "version", "kek_id", "created_by", "created_at"},
    )
    assert await read(site, "dealer-1") == NEW["fields"]
    assert await happened(site.system, before) == [], "nothing of it is journaled"


async def test_a_writer_names_the_version_that_is_replaced(site: Site) -> None:
    await put(site, "dealer-1")
    late = await site.send("PUT", f"{PATH}/dealer-1", NEW)
    written = await put(site, "dealer-1", expected=1, fields={"password": "y"})

    assert (late.status_code, late.json()["code"]) == (409, "VERSION_CONFLICT")
    assert written["version"] == 2
    assert await read(site, "dealer-1") == {"password": "y"}


async def test_what_is_forgotten_is_gone(site: Site) -> None:
    await put(site, "dealer-1")
    gone = await site.send("DELETE", f"{PATH}/dealer-1")
    again = await site.send("DELETE", f"{PATH}/dealer-1")

    assert gone.json() == {"login": "dealer-1", "forgotten": True}
    assert (again.status_code, again.json()["code"]) == (404, "NO_CREDENTIAL")
    assert await site.get(PATH) == {"items": []}


async def test_a_login_may_be_called_as_a_door_is(site: Site) -> None:
    for login in ("keks", "rekey"):
        await put(site, login)

    assert [one["login"] for one in (await site.get(PATH))["items"]] == ["keks", "rekey"]


def test_no_door_gives_a_value_back() -> None:
    of_credentials = [door for door in DOORS if door.tag == "credentials"]

    assert {(door.method, door.path.removeprefix(PATH)) for door in of_credentials} == {
        ("GET", ""),
        ("GET", "/keks"),
        ("POST", "/rekey"),
        ("PUT", "/{login}"),
        ("DELETE", "/{login}"),
    }
    assert not any(found_in(repr(door).encode()) for door in of_credentials)


async def test_the_body_may_have_all_fields_at_their_longest(site: Site) -> None:
    # Three bytes a character, and six characters of JSON: the longest that can be written.
    value = "\u20ac" * (VALUE_BYTES_MAX // 3)
    fields = {f"field_{number}": value for number in range(FIELDS_MAX)}

    await put(site, "dealer-1", fields=fields)

    assert await read(site, "dealer-1") == fields


WRONG: dict[str, tuple[bytes, str]] = {
    "a number": (b'{"broker":"b","fields":{"k":7},"expected":0}', "WRONG_TYPE"),
    "a list": (b'{"broker":"b","fields":["%s"],"expected":0}', "WRONG_TYPE"),
    "no object": (b'{"broker":"b","fields":"%s","expected":0}', "WRONG_TYPE"),
    "as a version": (b'{"broker":"b","fields":{"k":"v"},"expected":"%s"}', "WRONG_TYPE"),
    "as a field of ours": (b'{"broker":"b","%s":1,"fields":{},"expected":0}', "UNKNOWN_FIELD"),
    "as a name twice": (
        b'{"broker":"b","fields":{"%s":"v","%s":"v"},"expected":0}',
        "DUPLICATE_FIELD",
    ),
    "nested": (b'{"broker":"b","fields":{"k":{"k":"%s"}},"expected":0}', "WRONG_TYPE"),
    "cut off": (b'{"broker":"b","fields":{"k":"%s"', "MALFORMED_JSON"),
    "behind": (b'{"broker":"b","fields":{"k":"v"},"expected":0}%s', "MALFORMED_JSON"),
    "a text alone": (b'"%s"', "WRONG_TYPE"),
    "half a pair": (b'{"broker":"b","fields":{"k":"%s\\ud800"},"expected":0}', "INVALID_TEXT"),
    "no broker of ours": (b'{"broker":"%s","fields":{"k":"v"},"expected":0}', "UNKNOWN_BROKER"),
    "no fields": (b'{"broker":"paper","fields":{},"expected":0}', "INVALID_CREDENTIAL"),
    "too long": (
        b'{"broker":"paper","fields":{"k":"%s' + b"x" * VALUE_BYTES_MAX + b'"},"expected":0}',
        "INVALID_CREDENTIAL",
    ),
    "no name of a field": (
        b'{"broker":"paper","fields":{"%s":"v"},"expected":0}',
        "INVALID_CREDENTIAL",
    ),
    "a nul in the broker": (b'{"broker":"%s\\u0000","fields":{},"expected":0}', "INVALID_TEXT"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_is_said_without_what_was_sent(
    site: Site, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    content, code = WRONG[what]
    headers = {"content-type": "application/json"}
    answer = await site.http.put(
        f"{PATH}/dealer-1", content=content.replace(b"%s", CANARY.encode()), headers=headers
    )

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not found_in(answer.content)
    assert not found_in(caplog.text.encode())
    assert await site.get(PATH) == {"items": []}


async def test_a_fault_nobody_foresaw_is_logged_without_its_words(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **fields: object) -> None:
        held = {"api_key": CANARY}
        raise KeyError(held["api_key"], fields)

    monkeypatch.setattr(SqlCredentials, "put", fails)
    with caplog.at_level(logging.DEBUG):
        answer = await site.send("PUT", f"{PATH}/dealer-1", NEW)

    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "KeyError in the vault" in caplog.text
    assert "in fails" in caplog.text, "it says where"
    assert not found_in(caplog.text.encode() + answer.content)


def test_a_body_shows_nothing_of_itself() -> None:
    body = msgspec.convert(NEW, CredentialBody)

    assert not found_in(f"{body!r} {body}".encode())


async def test_a_new_key_seals_everything_and_the_old_one_goes(site: Site, tmp_path: Path) -> None:
    for number in range(3):
        await put(site, f"dealer-{number}")
    (before,) = (await site.get(f"{PATH}/keks"))["items"]

    done = (await site.send("POST", f"{PATH}/rekey")).json()
    (after,) = (await site.get(f"{PATH}/keks"))["items"]

    assert before["sealed"] == after["sealed"] == done["rewrapped"] == 4, (
        "a signing key is one more"
    )
    assert done["retired"] == [before["kek_id"]]
    assert done["current"] == after["kek_id"] != before["kek_id"]
    assert (done["failed"], done["failures"], done["older"]) == (0, [], [])
    assert sorted(path.name for path in (tmp_path / "data").glob("access.key*")) == ["access.key"]
    assert await read(site, "dealer-1") == NEW["fields"]


async def is_told(site: Site) -> bool:
    """Whether the audit knows of a change of the key."""
    return bool((await site.get("/api/v1/audit", act="kek_rotated"))["items"])


async def test_a_change_of_the_key_that_a_start_finished_is_in_the_audit_once(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with open_site(data) as site:
        await put(site, "dealer-1")
    # As a process leaves it that dies when the next key is drawn.
    OwnFiles(data, data / "access.db", SystemRandom()).draw()

    async with open_site(data) as site:
        (kek,) = (await site.get(f"{PATH}/keks"))["items"]
        await site.until(partial(is_told, site))
    async with open_site(data) as site:
        done = (await site.send("POST", f"{PATH}/rekey")).json()
        assert site.system.access.notes.waiting() == ()
        ours, started = (await site.get("/api/v1/audit", act="kek_rotated"))["items"]

    assert (started["actor"], started["subject"]) == ("local", kek["kek_id"])
    assert started["detail"].startswith("2 records; finished by a start; done ")
    assert (ours["subject"], ours["detail"]) == (done["current"], "2 records")


async def test_a_change_that_nobody_came_to_journal_is_journaled_by_the_next_start(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with open_site(data) as site:
        await put(site, "dealer-1")
        await asyncio.to_thread(site.system.access.rotation.run)
    async with open_site(data) as site:
        await site.get(PATH)
        await site.until(partial(is_told, site))
        (told,) = (await site.get("/api/v1/audit", act="kek_rotated"))["items"]

    assert told["detail"].startswith("2 records; not journaled when it was done; done ")


async def test_a_read_whose_audit_fails_gives_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(site, "dealer-1")
    credentials = site.system.access.credentials
    opened: list[object] = []
    monkeypatch.setattr(credentials, "_opened", opened.append)

    def fails(*_: str) -> None:
        raise OSError("the journal is closed")

    monkeypatch.setattr(credentials, "_audit", fails)

    with pytest.raises(OSError, match="the journal is closed"):
        credentials.read("dealer-1", "desk", "to log in")
    assert opened == []


async def test_a_door_of_credentials_is_for_who_administers(tmp_path: Path) -> None:
    async with open_site(tmp_path / "data", open_localhost=False) as site:
        answer = await site.send("PUT", f"{PATH}/dealer-1", NEW)

        assert answer.status_code == 401
        assert not found_in(answer.content)
        assert site.system.access.credentials.list() == ()
