"""Sources of webhooks as people set them up: put, list, remove, try; nothing secret in any of it."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from phalanx.access.access import Access
from phalanx.access.vault.errors import VaultCode, VaultError
from phalanx.api.hooks import vault
from phalanx.api.hooks.memory import Secrets, SourceMemory
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site
from tests.api.hooks.conftest import ALERT, SIGNAL, SOURCE, Sender, draw, put, sender

PATH = "/api/v1/hooks"


async def test_a_source_is_shown_as_it_was_put(hooked: Site) -> None:
    await put(hooked, note="from the big screen")
    found = await hooked.get(f"{PATH}/tv")

    assert found["template"] == SIGNAL
    assert found["fields"] == ["strategy", "ticker", "action"]
    assert found["values"] == SOURCE["values"]
    assert (found["mode"], found["verification"], found["enabled"]) == ("auto", "hmac", True)
    assert (found["secrets"], found["fault"], found["note"]) == ([], None, "from the big screen")
    assert (await hooked.get(PATH))["items"] == [found]


async def test_a_source_is_put_once_under_a_key_and_removed(hooked: Site) -> None:
    first = await hooked.send("PUT", f"{PATH}/tv", SOURCE, key="one")
    again = await hooked.send("PUT", f"{PATH}/tv", SOURCE, key="one")
    removed = await hooked.send("DELETE", f"{PATH}/tv", key="two")
    repeated = await hooked.send("DELETE", f"{PATH}/tv", key="two")

    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert removed.json() == repeated.json() == {"name": "tv", "removed": True}
    assert (await hooked.send("DELETE", f"{PATH}/tv")).status_code == 404
    assert (await hooked.get(PATH))["total"] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"template": []}, "HOOK_TEMPLATE"),
        ({"template": "{{a}}"}, "HOOK_TEMPLATE"),
        ({"template": {**SIGNAL, "kind": "{{kind}}"}}, "HOOK_TEMPLATE"),
        ({"template": {**SIGNAL, "kind": "cancel"}}, "HOOK_TEMPLATE"),
        ({"template": {**SIGNAL, "note": "{{ a b }}"}}, "HOOK_TEMPLATE"),
        ({"template": {**SIGNAL, "note": "{{open"}}, "HOOK_TEMPLATE"),
        ({"template": {**SIGNAL, "note": "{{__import__('os')}}"}}, "HOOK_TEMPLATE"),
        ({"template": {**SIGNAL, "preview": "x"}}, "HOOK_TEMPLATE"),
        ({"template": {**SIGNAL, "on_moved": "skip"}}, "HOOK_TEMPLATE"),
        ({"template": {**SIGNAL, "note": "x" * 20_000}}, "TEXT_TOO_LONG"),
        ({"values": {"nowhere": {"a": "b"}}}, "HOOK_TEMPLATE"),
        ({"values": {"action": {}}}, "INVALID_VALUE"),
        ({"values": {"action": {"a": "b" * 200}}}, "TEXT_TOO_LONG"),
        ({"values": {str(one): {"a": "b"} for one in range(60)}}, "INVALID_VALUE"),
        ({"lists": ["nowhere"]}, "HOOK_TEMPLATE"),
        ({"mode": "maybe"}, "INVALID_VALUE"),
        ({"verification": "none"}, "INVALID_VALUE"),
        ({"caps": {"per_minute": 0}}, "INVALID_VALUE"),
        ({"caps": {"per_minute": 10**6}}, "INVALID_VALUE"),
        ({"caps": {"quantity_max": "-1"}}, "NOT_POSITIVE"),
        ({"repeat_s": 3_601}, "INVALID_VALUE"),
        ({"secret": "mine"}, "UNKNOWN_FIELD"),
        ({"fence": {"strategies": ["NOPE"]}}, "UNKNOWN_STRATEGY"),
        ({"fence": {"instruments": ["NOPE"]}}, "UNKNOWN_INSTRUMENT"),
        ({"fence": {"accounts": ["NOPE"]}}, "UNKNOWN_ACCOUNT"),
        ({"fence": {"groups": ["NOPE"]}}, "UNKNOWN_GROUP"),
    ],
)
async def test_what_can_be_no_source(hooked: Site, changes: dict[str, Any], code: str) -> None:
    before = hooked.system.desk.state.seq
    answer = await hooked.send("PUT", f"{PATH}/tv", {**SOURCE, **changes})

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert hooked.system.desk.state.seq == before


@pytest.mark.parametrize("name", ["TV", "a b", "-a", "a" * 41, "tv%2F..", "ä"])
async def test_what_can_be_no_name(hooked: Site, name: str) -> None:
    answer = await hooked.send("PUT", f"{PATH}/{name}", SOURCE)

    assert answer.status_code in {404, 405, 422}
    assert hooked.system.desk.state.hooks == {}


async def test_a_sample_shows_what_it_would_become_and_fires_nothing(hooked: Site) -> None:
    await put(hooked)
    path = f"{PATH}/tv/try"
    expected = {
        "kind": "signal",
        "strategy": "STRATEGY_B",
        "instrument": "MINDA",
        "position": "BUY",
    }
    alert = {"strategy": "STRATEGY_B", "ticker": "MINDA", "action": "long"}
    found = await hooked.send("POST", path, {"body": alert})
    text = await hooked.send("POST", path, {"body": "strategy=STRATEGY_B ticker=MINDA action=long"})

    assert found.json() == {"source": "tv", "kind": "signal", "instruction": expected}
    assert text.json() == found.json()
    assert hooked.system.desk.state.instructions == {}
    missing = await hooked.send("POST", path, {"body": {"strategy": "STRATEGY_B"}})
    assert (missing.json()["code"], missing.json()["field"]) == ("MISSING_FIELD", "ticker")
    wrong = await hooked.send("POST", path, {"body": {**alert, "action": "short"}})
    assert (wrong.json()["code"], wrong.json()["field"]) == ("HOOK_VALUE_UNKNOWN", "action")
    await put(hooked, fence={"strategies": ["STRATEGY_A"]})
    outside = await hooked.send("POST", path, {"body": alert})
    assert (outside.status_code, outside.json()["code"]) == (403, "OUT_OF_REACH")


async def test_a_source_that_is_off_can_be_tried(hooked: Site) -> None:
    await put(hooked, mode="off")
    answer = await hooked.send("POST", f"{PATH}/tv/try", {"body": {}})

    assert answer.json()["code"] == "MISSING_FIELD"


def a_minute_later(memory: SourceMemory, _now: int) -> bool:
    return not memory.is_opened


async def test_secrets_that_cannot_be_opened_open_nothing_and_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_site(folder) as site:
        await site.profiles(WORKED_EXAMPLE)
        tv = await sender(site)

    def unreadable(*_: object) -> None:
        raise VaultError(VaultCode.KEK_MISSING, "the key is not here")

    async with open_site(folder) as site:
        anew = Sender(site, "tv", tv.secret)
        with monkeypatch.context() as patched:
            patched.setattr(vault, "_read", unreadable)
            assert (await anew.post()).status_code == 404
        assert (await site.get(f"{PATH}/tv"))["fault"] == "KEK_MISSING"
        assert (await anew.post()).status_code == 404
        monkeypatch.setattr(SourceMemory, "is_to_be_opened", a_minute_later)
        assert (await anew.post()).status_code == 202
        assert (await site.get(f"{PATH}/tv"))["fault"] is None


async def test_only_what_could_not_be_opened_is_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_site(folder) as site:
        await site.profiles(WORKED_EXAMPLE)
        known = [await sender(site, name) for name in ("tv", "scan")]
    read, asked = vault._read, []

    def half_readable(access: Access, source: str, why: str) -> Secrets:
        asked.append(source)
        if source == "tv":
            raise VaultError(VaultCode.KEK_MISSING, "the key is not here")
        return read(access, source, why)

    monkeypatch.setattr(vault, "_read", half_readable)
    async with open_site(folder) as site:
        tv, scan = (Sender(site, one.source, one.secret) for one in known)
        assert (await scan.post()).status_code == 202
        assert (await tv.post()).status_code == 404
        assert sorted(asked) == ["scan", "tv"]
        asked.clear()
        monkeypatch.setattr(SourceMemory, "is_to_be_opened", a_minute_later)
        assert (await scan.post()).status_code == 202
        assert asked == ["tv"]


async def test_a_secret_is_nowhere_but_in_the_answer_that_shows_it(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    async with open_site(folder) as site:
        await site.profiles(WORKED_EXAMPLE)
        tv = await sender(site)
        await put(site, "pathed", verification="path_secret")
        pathed = await draw(site, "pathed")
        address = f"/hooks/pathed/{pathed}"
        answers = [
            await tv.post(),
            await tv.post(b"{}"),
            await site.http.post(address, content=ALERT),
            await site.http.post(address, content=b"nothing"),
            await site.http.post(address, content=ALERT, headers={"content-type": "text/csv"}),
            await site.http.post(f"{address}?a=1", content=ALERT),
            await site.http.post(f"{address}/more", content=ALERT),
            await site.http.get(address),
            await site.http.delete(address),
            await site.http.post(f"/hooks/tv/{tv.secret}", content=ALERT),
            await site.http.get(PATH),
            await site.http.get(f"{PATH}/pathed"),
            await site.http.get("/api/v1/instructions"),
            await site.http.get("/metrics"),
        ]
        texts += [answer.text + str(answer.headers.raw) for answer in answers]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("phalanx.api.hooks.firing.read_filled", _broken)
            failed = await site.http.post(address, content=ALERT)
        assert failed.status_code == 500
        texts.append(failed.text)
    assert {answer.status_code for answer in answers} == {202, 422, 415, 404, 405, 200}
    # What the sender's own client writes down is the sender's.
    ours = [record for record in caplog.records if not record.name.startswith("http")]
    texts += [record.getMessage() + str(record.exc_text) for record in ours]
    kept = await asyncio.to_thread(_content, folder)
    for secret in (tv.secret, pathed):
        assert [text for text in texts if secret in text] == []
        assert secret.encode() not in kept


def _content(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())


def _broken(_: bytes) -> None:
    raise RuntimeError("broken on purpose")
