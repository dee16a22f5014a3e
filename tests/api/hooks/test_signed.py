"""Signed alerts: who is let in, once, and what everybody else is told."""

import asyncio
from pathlib import Path

import pytest

from phalanx.api.hooks import memory as remembered
from phalanx.desk.errors import Overloaded
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site
from tests.api.hooks.conftest import ALERT, Sender, draw, put, sender


def code_of(answer: object) -> str:
    return str(answer.json()["code"])  # type: ignore[attr-defined]


async def test_an_alert_becomes_a_signal_in_the_name_of_its_source(hooked: Site) -> None:
    tv = await sender(hooked)
    answer = await tv.post()

    assert answer.status_code == 202, answer.text
    said = answer.json()
    assert (said["source"], said["status"], said["orders"]) == ("tv", "WORKING", 1)
    assert set(said) == {"source", "instruction_id", "status", "reason", "orders", "skips"}
    tree = await hooked.get(f"/api/v1/instructions/{said['instruction_id']}")
    assert (tree["actor"], tree["kind"]) == ("hook:tv", "signal")


async def test_the_same_alert_again_is_refused(hooked: Site) -> None:
    tv = await sender(hooked)
    headers = tv.headers(ALERT)
    first = await tv.post(ALERT, headers)
    seq = hooked.system.desk.state.seq
    again = await tv.post(ALERT, headers)

    assert first.status_code == 202
    assert (again.status_code, code_of(again)) == (409, "HOOK_REPLAYED")
    assert len(hooked.system.desk.state.instructions) == 1
    assert hooked.system.desk.state.seq >= seq


async def test_a_nonce_is_good_once_also_with_another_body(hooked: Site) -> None:
    tv = await sender(hooked)
    other = b'{"strategy": "STRATEGY_D", "ticker": "ACC", "action": "long"}'
    await tv.post(ALERT, tv.headers(ALERT, nonce="the-only-one"))
    again = await tv.post(other, tv.headers(other, nonce="the-only-one"))

    assert code_of(again) == "HOOK_REPLAYED"


async def test_an_alert_that_was_refused_is_not_fired_by_a_replay_either(hooked: Site) -> None:
    tv = await sender(hooked)
    wrong = b'{"strategy": "STRATEGY_B", "ticker": "MINDA", "action": "perhaps"}'
    headers = tv.headers(wrong)
    first = await tv.post(wrong, headers)
    again = await tv.post(wrong, headers)

    assert (first.status_code, code_of(first)) == (422, "HOOK_VALUE_UNKNOWN")
    assert code_of(again) == "HOOK_REPLAYED"


async def test_after_a_restart_it_does_not_fire_twice(folder: Path) -> None:
    async with open_site(folder) as site:
        await site.profiles(WORKED_EXAMPLE)
        tv = await sender(site)
        headers = tv.headers(ALERT)
        assert (await tv.post(ALERT, headers)).status_code == 202
    async with open_site(folder) as site:
        again = await Sender(site, "tv", tv.secret).post(ALERT, headers)
        assert (again.status_code, code_of(again)) == (409, "HOOK_REPLAYED")
        listed = await site.get("/api/v1/instructions")
        assert listed["total"] == 1
        other = b'{"strategy": "STRATEGY_D", "ticker": "ACC", "action": "long"}'
        anew = Sender(site, "tv", tv.secret)
        assert (await anew.post(other, anew.headers(other, nonce="another-one"))).status_code == 202


@pytest.mark.parametrize("late_s", [299, -299])
async def test_a_clock_may_be_off_a_little(hooked: Site, late_s: int) -> None:
    tv = await sender(hooked)

    assert (await tv.post(ALERT, tv.headers(ALERT, late_s=late_s))).status_code == 202


@pytest.mark.parametrize("late_s", [310, -310, 86_400])
async def test_late_and_early_are_told_to_whoever_knows_the_secret(
    hooked: Site, late_s: int
) -> None:
    tv = await sender(hooked)
    answer = await tv.post(ALERT, tv.headers(ALERT, late_s=late_s))

    assert (answer.status_code, code_of(answer)) == (403, "HOOK_STALE")
    assert hooked.system.desk.state.instructions == {}


def spoiled() -> dict[str, dict[str, str]]:
    return {
        "no signature": {"x-phalanx-signature": ""},
        "no nonce": {"x-phalanx-nonce": ""},
        "short nonce": {"x-phalanx-nonce": "abc"},
        "a nonce with a dot": {"x-phalanx-nonce": "abcd.efgh"},
        "no time": {"x-phalanx-timestamp": ""},
        "another time": {"x-phalanx-timestamp": "1"},
        "a time with a sign": {"x-phalanx-timestamp": "+1700000000"},
        "a short signature": {"x-phalanx-signature": "v1=abcdef"},
        "a long signature": {"x-phalanx-signature": "v1=" + "a" * 66},
        "another version": {"x-phalanx-signature": "v2=" + "a" * 64},
        "capitals": {"x-phalanx-signature": "v1=" + "A" * 64},
        "zeros": {"x-phalanx-signature": "v1=" + "0" * 64},
    }


@pytest.mark.parametrize("what", spoiled())
async def test_what_is_not_signed_as_it_must_be_finds_nothing(hooked: Site, what: str) -> None:
    tv = await sender(hooked)
    answer = await tv.post(ALERT, {**tv.headers(ALERT), **spoiled()[what]})

    assert (answer.status_code, code_of(answer)) == (404, "NOT_FOUND")
    assert hooked.system.desk.state.instructions == {}


async def test_a_body_that_was_written_anew_is_not_the_one_that_was_signed(hooked: Site) -> None:
    tv = await sender(hooked)
    anew = ALERT.replace(b": ", b":")

    assert (await tv.post(anew, tv.headers(ALERT))).status_code == 404
    assert (await tv.post(ALERT + b"\n", tv.headers(ALERT))).status_code == 404
    assert (await tv.post(ALERT[:-1], tv.headers(ALERT))).status_code == 404


async def test_every_way_to_be_nobody_gets_the_same_answer(hooked: Site) -> None:
    tv = await sender(hooked)
    await put(hooked, "pathed", verification="path_secret")
    pathed = await draw(hooked, "pathed")
    await put(hooked, "off", mode="off")
    off = Sender(hooked, "off", await draw(hooked, "off"))
    await put(hooked, "disabled", enabled=False)
    disabled = Sender(hooked, "disabled", await draw(hooked, "disabled"))
    await put(hooked, "bare")
    answers = [
        await Sender(hooked, "tv", "x" * 43).post(),
        await Sender(hooked, "nowhere", tv.secret).post(),
        await Sender(hooked, "pathed", pathed).post(),
        await Sender(hooked, "bare", "").post(),
        await off.post(),
        await disabled.post(),
        await hooked.http.post(f"/hooks/tv/{tv.secret}", content=ALERT),
        await hooked.http.post("/hooks/pathed/wrong", content=ALERT),
        await hooked.http.post(f"/hooks/nowhere/{pathed}", content=ALERT),
    ]

    documents = [{**answer.json(), "request_id": ""} for answer in answers]
    assert documents == [documents[0]] * len(answers)
    assert documents[0]["code"] == "NOT_FOUND"
    heads = [{**answer.headers, "x-request-id": "", "content-length": ""} for answer in answers]
    assert heads == [heads[0]] * len(answers)


async def test_both_secrets_are_good_until_one_goes(hooked: Site) -> None:
    tv = await sender(hooked)
    second = Sender(hooked, "tv", await draw(hooked))

    async def is_good(of: Sender, number: int) -> bool:
        answer = await of.post(ALERT, of.headers(ALERT, nonce=f"rotation-{number}"))
        return answer.status_code == 202

    assert await is_good(tv, 1)
    assert await is_good(second, 2)
    ended = await hooked.send("DELETE", "/api/v1/hooks/tv/secret/1")
    assert ended.json() == {"source": "tv", "slot": 1, "secrets": [2]}
    again = await hooked.send("DELETE", "/api/v1/hooks/tv/secret/1")
    assert again.status_code == 404
    assert not await is_good(tv, 3)
    assert await is_good(second, 4)


async def test_a_third_secret_takes_the_place_of_the_oldest(hooked: Site) -> None:
    first = await sender(hooked)
    second = Sender(hooked, "tv", await draw(hooked))
    third = Sender(hooked, "tv", await draw(hooked))

    assert (await first.post()).status_code == 404
    assert (await second.post(ALERT, second.headers(ALERT, nonce="of-second"))).status_code == 202
    assert (await third.post(ALERT, third.headers(ALERT, nonce="of-third"))).status_code == 202
    assert (await hooked.get("/api/v1/hooks/tv"))["secrets"] == [2, 1]
    for slot in (1, 2):
        await hooked.send("DELETE", f"/api/v1/hooks/tv/secret/{slot}")
    none_left = await hooked.send("DELETE", "/api/v1/hooks/tv/secret/1")
    assert none_left.status_code == 404
    assert (await third.post(ALERT, third.headers(ALERT, nonce="too-late"))).status_code == 404


async def test_secrets_are_there_after_a_restart(folder: Path) -> None:
    async with open_site(folder) as site:
        await site.profiles(WORKED_EXAMPLE)
        tv = await sender(site)
        second = await draw(site)
    async with open_site(folder) as site:
        assert (await Sender(site, "tv", tv.secret).post()).status_code == 202
        other = Sender(site, "tv", second)
        assert (await other.post(ALERT, other.headers(ALERT, nonce="by-second"))).status_code == 202
        assert (await site.get("/api/v1/hooks/tv"))["secrets"] == [1, 2]


async def test_a_source_of_the_same_name_has_none_of_the_old_secrets(folder: Path) -> None:
    async with open_site(folder) as site:
        await site.profiles(WORKED_EXAMPLE)
        tv = await sender(site)
        assert (await site.send("DELETE", "/api/v1/hooks/tv")).json()["removed"] is True
        assert (await tv.post()).status_code == 404
        await put(site)
        assert (await tv.post()).status_code == 404
    async with open_site(folder) as site:
        assert (await Sender(site, "tv", tv.secret).post()).status_code == 404
        assert (await site.get("/api/v1/hooks/tv"))["secrets"] == []


async def test_a_full_memory_of_nonces_refuses_and_forgets_none(
    hooked: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "NONCES_MAX", 2)
    tv = await sender(hooked)
    first = tv.headers(ALERT)
    assert (await tv.post(ALERT, first)).status_code == 202
    assert (await tv.post()).status_code == 202
    third = await tv.post()
    again = await tv.post(ALERT, first)

    assert (third.status_code, code_of(third)) == (429, "HOOK_BUSY")
    assert int(third.headers["retry-after"]) >= 1
    assert code_of(again) == "HOOK_REPLAYED"


async def test_more_than_so_many_a_minute_wait_and_may_come_again_as_they_are(hooked: Site) -> None:
    tv = await sender(hooked, caps={"per_minute": 1})
    await tv.post()
    headers = tv.headers(ALERT)
    refused = await tv.post(ALERT, headers)
    await put(hooked, caps={"per_minute": 2})
    later = await tv.post(ALERT, headers)

    assert (refused.status_code, code_of(refused)) == (429, "HOOK_BUSY")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert later.status_code == 202
    assert (await hooked.get("/api/v1/hooks/tv"))["counts"]["throttled"] == 1


async def test_what_was_not_decided_may_come_again_as_it_is(
    hooked: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tv = await sender(hooked)
    headers = tv.headers(ALERT)

    async def overloaded(_: object) -> None:
        raise Overloaded

    with monkeypatch.context() as patched:
        patched.setattr(hooked.system.desk, "execute", overloaded)
        refused = await tv.post(ALERT, headers)
    again = await tv.post(ALERT, headers)

    assert (refused.status_code, code_of(refused)) == (503, "OVERLOADED")
    assert again.status_code == 202


async def test_the_same_alert_many_times_at_once_is_one(hooked: Site) -> None:
    tv = await sender(hooked)
    headers = tv.headers(ALERT)
    answers = await asyncio.gather(*(tv.post(ALERT, headers) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 19]
    assert len(hooked.system.desk.state.instructions) == 1


async def test_who_guesses_is_slowed_and_who_knows_is_not(hooked: Site) -> None:
    tv = await sender(hooked)
    guesser = Sender(hooked, "tv", "a guess")
    statuses = [(await guesser.post()).status_code for _ in range(30)]
    throttled = await guesser.post()

    assert statuses[0] == 404
    assert (throttled.status_code, code_of(throttled)) == (429, "THROTTLED")
    assert int(throttled.headers["retry-after"]) >= 1
    assert (await tv.post()).status_code == 202


async def test_counts_say_what_became_of_alerts(hooked: Site) -> None:
    tv = await sender(hooked)
    before = (await hooked.get("/api/v1/hooks/tv"))["counts"]
    await tv.post()
    await tv.post(b"{}")
    await Sender(hooked, "tv", "wrong").post()
    counts = (await hooked.get("/api/v1/hooks/tv"))["counts"]

    assert before["last_accepted"] is None
    assert (counts["accepted"], counts["refused"], counts["unverified"]) == (1, 1, 1)
    assert counts["last_accepted"]
    assert counts["last_refusal"] == "MISSING_FIELD"


async def test_an_asked_one_says_so_to_the_desk(
    hooked: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tv = await sender(hooked, mode="ask")
    commands = []
    execute = hooked.system.desk.execute

    async def seen(command: object) -> object:
        commands.append(command)
        return await execute(command)  # type: ignore[arg-type]

    monkeypatch.setattr(hooked.system.desk, "execute", seen)
    await tv.post()
    await put(hooked, mode="auto")
    await tv.post()

    assert [getattr(one, "ask", None) for one in commands] == [True, None, False]


async def test_where_people_log_in_a_source_needs_no_login(folder: Path) -> None:
    async with open_site(folder) as site:
        await site.profiles(WORKED_EXAMPLE)
        tv = await sender(site)
    async with open_site(folder, open_localhost=False) as site:
        assert (await Sender(site, "tv", tv.secret).post()).status_code == 202
        assert (await Sender(site, "tv", "wrong").post()).status_code == 404
        assert (await site.http.get("/api/v1/hooks")).status_code == 401
