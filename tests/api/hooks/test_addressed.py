"""Alerts of platforms that cannot sign: the secret is in the address, and the same alert twice is one."""

from pathlib import Path

import httpx
import pytest

from tests.api.conftest import WORKED_EXAMPLE, Site, happened, open_site
from tests.api.hooks.conftest import ALERT, draw, put


async def post(site: Site, secret: str, body: bytes = ALERT) -> httpx.Response:
    headers = {"content-type": "text/plain; charset=utf-8"}
    return await site.http.post(f"/hooks/tv/{secret}", content=body, headers=headers)


async def opened(site: Site, repeat_s: int = 0) -> str:
    await put(site, verification="path_secret", repeat_s=repeat_s)
    return await draw(site)


async def test_the_address_is_shown_once_with_its_secret(hooked: Site) -> None:
    await put(hooked, verification="path_secret")
    drawn = await hooked.send("POST", "/api/v1/hooks/tv/secret")
    said = drawn.json()

    assert said["path"] == f"/hooks/tv/{said['secret']}"
    assert len(said["secret"]) == 43  # 32 bytes
    assert (said["slot"], said["secrets"]) == (1, [1])
    assert drawn.headers["cache-control"] == "no-store"
    assert (await hooked.http.post(said["path"], content=ALERT)).status_code == 202


async def test_without_a_window_each_alert_is_one_of_its_own(hooked: Site) -> None:
    secret = await opened(hooked)
    answers = [await post(hooked, secret) for _ in range(2)]

    assert [answer.json()["status"] for answer in answers] == ["WORKING", "REJECTED"]
    assert len({answer.json()["instruction_id"] for answer in answers}) == 2


async def test_within_the_window_the_same_alert_is_one(hooked: Site) -> None:
    secret = await opened(hooked, repeat_s=3_600)
    first, again = [await post(hooked, secret) for _ in range(2)]
    other = await post(hooked, secret, ALERT.replace(b"MINDA", b"NOPE"))

    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert other.json()["instruction_id"] != first.json()["instruction_id"]


async def test_the_window_is_not_cut_where_a_stretch_of_time_ends(
    hooked: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = await opened(hooked, repeat_s=100)
    clock = hooked.system.desk.clock
    begin = clock.now() // (100 * 10**9) * (100 * 10**9) + 100 * 10**9

    async def at(seconds: int) -> str:
        monkeypatch.setattr(type(clock), "now", staticmethod(lambda: begin + seconds * 10**9))
        return str((await post(hooked, secret)).json()["instruction_id"])

    first = await at(99)
    assert await at(101) == first
    assert await at(198) == first
    assert await at(199) != first


async def test_another_template_makes_another_alert_of_the_same_body(hooked: Site) -> None:
    secret = await opened(hooked, repeat_s=3_600)
    await post(hooked, secret)
    await put(
        hooked,
        verification="path_secret",
        repeat_s=3_600,
        values={"action": {"long": "SELL"}},
    )
    answer = await post(hooked, secret)

    assert answer.status_code == 202
    assert "idempotent-replayed" not in answer.headers


async def test_the_window_holds_over_a_restart(folder: Path) -> None:
    async with open_site(folder) as site:
        await site.profiles(WORKED_EXAMPLE)
        secret = await opened(site, repeat_s=3_600)
        first = await post(site, secret)
    async with open_site(folder) as site:
        again = await post(site, secret)
        assert again.json() == first.json()
        assert (await site.get("/api/v1/instructions"))["total"] == 1


async def test_both_secrets_open_and_no_other(hooked: Site) -> None:
    first = await opened(hooked)
    second = await draw(hooked)

    assert [(await post(hooked, one)).status_code for one in (first, second)] == [202, 202]
    wrong = (first[:-1], first + "a", "", "%00", "..", "a" * 5_000, first.swapcase())
    assert {(await post(hooked, one)).status_code for one in wrong if one} == {404}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", ALERT),
        ("text/plain", ALERT),
        ("application/x-www-form-urlencoded", ALERT),
        ("text/plain", b"strategy=STRATEGY_B ticker=MINDA action=long"),
        ("text/plain", b"strategy=STRATEGY_B,\nticker=MINDA;action=long\n"),
        ("application/x-www-form-urlencoded", b"strategy=STRATEGY%5FB&ticker=MINDA&action=long"),
    ],
)
async def test_a_body_as_platforms_send_it(hooked: Site, kind: str, body: bytes) -> None:
    secret = await opened(hooked)
    headers = {"content-type": kind}
    answer = await hooked.http.post(f"/hooks/tv/{secret}", content=body, headers=headers)

    assert (answer.status_code, answer.json().get("status")) == (202, "WORKING")


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("text/csv", ALERT, "UNSUPPORTED_MEDIA_TYPE"),
        ("application/json", b"hello", "MALFORMED_JSON"),
        ("application/json", b"[1]", "WRONG_TYPE"),
        ("application/json", b'{"a":1,"a":2}', "DUPLICATE_FIELD"),
        ("application/json", b'{"\\ud800":1,"\\ud800":2}', "INVALID_TEXT"),
        ("application/json", b'{"action":"\\ud800"}', "INVALID_TEXT"),
        ("application/json", b'{"a":' + b"[" * 20_000, "TOO_DEEP"),
        ("application/json", b'{"action":NaN}', "INVALID_NUMBER"),
        ("text/plain", b"\xff\xfe", "NOT_UTF8"),
        ("text/plain", b"", "EMPTY_TEXT"),
        ("text/plain", b" , ;\n", "EMPTY_TEXT"),
        ("text/plain", b"a=1 a=2", "DUPLICATE_FIELD"),
        ("text/plain", b"word " * 300, "TOO_MANY_FIELDS"),
        ("application/x-www-form-urlencoded", b"a=%ff", "NOT_UTF8"),
        ("application/json", b'{"strategy":"STRATEGY_B","ticker":"MINDA"}', "MISSING_FIELD"),
        ("application/json", ALERT.replace(b'"MINDA"', b"{}"), "HOOK_FIELD_NOT_PLAIN"),
        ("application/json", ALERT.replace(b"long", b"short"), "HOOK_VALUE_UNKNOWN"),
        ("application/json", ALERT.replace(b"MINDA", b""), "EMPTY_TEXT"),
    ],
)
async def test_a_body_that_is_no_alert(hooked: Site, kind: str, body: bytes, code: str) -> None:
    secret = await opened(hooked)
    before = hooked.system.desk.state.seq
    headers = {"content-type": kind}
    answer = await hooked.http.post(f"/hooks/tv/{secret}", content=body, headers=headers)

    assert answer.json()["code"] == code
    assert answer.status_code in {415, 422}
    assert await happened(hooked.system, before) == []


async def test_a_body_that_is_too_large(hooked: Site) -> None:
    secret = await opened(hooked)
    answer = await post(hooked, secret, b"a" * (64 * 1024 + 1))

    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
