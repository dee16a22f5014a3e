"""Alerts at the doors: rules in the journal, channels in the vault, what was told."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from phalanx.alerts.channels import Opened
from phalanx.desk.recovery import event_at
from phalanx.domain.events import AlertRulePut
from tests.api.conftest import Site, open_site

RULES = "/api/v1/alerts/rules"
CHANNELS = "/api/v1/alerts/channels"
RULE = {"what": "kill", "channels": ["phone"], "throttle_s": 0}
TOKEN = "abcdefghijklmnopqrstuvwxyz"
DISCORD = {"url": f"discord://123456789012345678/{TOKEN}/"}


async def code(site: Site, method: str, path: str, body: object = None) -> tuple[int, str]:
    answer = await site.send(method, path, body)
    assert TOKEN not in answer.text
    return answer.status_code, answer.json()["code"]


async def test_a_rule_is_put_shown_and_removed(site: Site) -> None:
    answer = await site.send("PUT", f"{RULES}/kills", RULE, "k")
    again = await site.send("PUT", f"{RULES}/kills", RULE, "k")

    expected = {
        "name": "kills",
        "what": "kill",
        "channels": ["phone"],
        "accounts": [],
        "groups": [],
        "threshold": 1,
        "window_s": 60,
        "throttle_s": 0,
        "enabled": True,
        "note": "",
    }
    assert answer.json() == again.json() == expected
    found = await site.get(RULES)
    assert (found["items"], found["total"]) == ([expected], 1)
    desk = site.system.desk
    assert isinstance(event_at(desk._ports.journal, desk.durable_seq), AlertRulePut)

    gone = await site.send("DELETE", f"{RULES}/kills")
    assert gone.json() == {"name": "kills", "removed": True}
    assert await code(site, "DELETE", f"{RULES}/kills") == (404, "NOT_FOUND")


async def test_a_kind_without_a_source_says_so(site: Site) -> None:
    answer = await site.send("PUT", f"{RULES}/x", RULE | {"what": "margin_short"})

    assert answer.json()["note"] == "no source yet"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"what": "weather"}, "INVALID_VALUE"),
        ({"channels": []}, "INVALID_VALUE"),
        ({"threshold": 0}, "INVALID_VALUE"),
        ({"accounts": ["NOBODY"]}, "UNKNOWN_ACCOUNT"),
        ({"groups": ["none"]}, "UNKNOWN_GROUP"),
        ({"url": "x"}, "UNKNOWN_FIELD"),
    ],
)
async def test_bad_rules_are_refused(site: Site, change: dict[str, Any], expected: str) -> None:
    assert (await code(site, "PUT", f"{RULES}/x", RULE | change))[1] == expected
    assert (await site.get(RULES))["items"] == []


async def test_a_channel_is_sealed_and_never_shown_and_there_after_a_restart(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with open_site(data) as site:
        answer = await site.send("PUT", f"{CHANNELS}/phone", DISCORD)
        assert answer.status_code == 200, answer.text
        shown = {"name": "phone", "scheme": "discord", "trouble": ""}
        assert answer.json() == shown
        assert await site.get(CHANNELS) == {"items": [shown], "total": 1}
    for path in data.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()
    async with open_site(data) as site:
        assert await site.get(CHANNELS) == {"items": [shown], "total": 1}
        gone = await site.send("DELETE", f"{CHANNELS}/phone")
        assert gone.json() == {"name": "phone", "removed": True}
        assert (await site.get(CHANNELS))["items"] == []
        assert await code(site, "DELETE", f"{CHANNELS}/phone") == (404, "UNKNOWN_CHANNEL")


async def test_a_channel_that_is_put_twice_at_once_is_used_as_it_was_sealed_last(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = site.system.alerts
    put, use = alerts.channels.put, alerts.use
    under_way, most = [], []

    def counted_put(*given: Any) -> Opened:  # noqa: ANN401  passed on
        under_way.append(given)
        most.append(len(under_way))
        return put(*given)

    def counted_use(opened: Iterable[Opened]) -> None:
        under_way.pop()
        use(opened)

    monkeypatch.setattr(alerts.channels, "put", counted_put)
    monkeypatch.setattr(alerts, "use", counted_use)
    urls = [f"discord://12345678901234567{number}/{TOKEN}/" for number in range(4)]

    answers = await asyncio.gather(
        *(site.send("PUT", f"{CHANNELS}/phone", {"url": url}) for url in urls)
    )

    assert [answer.status_code for answer in answers] == [200] * 4
    assert most == [1] * 4


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"url": f"json://{TOKEN}"}, (422, "CHANNEL_NOT_ALLOWED")),
        ({"url": TOKEN}, (422, "INVALID_CHANNEL")),
        ({"url": f"webhook+https://127.1/{TOKEN}", "secret": TOKEN}, (422, "ADDRESS_NOT_ALLOWED")),
        ({"url": f"webhook+https://a.example/{TOKEN}"}, (422, "INVALID_CHANNEL")),
        ({}, (422, "MISSING_FIELD")),
    ],
)
async def test_bad_channels_are_refused(
    site: Site, body: dict[str, str], expected: tuple[int, str]
) -> None:
    assert await code(site, "PUT", f"{CHANNELS}/phone", body) == expected
    assert (await site.get(CHANNELS))["items"] == []


async def test_an_alert_is_told_and_shown_with_what_became_of_it(example: Site) -> None:
    await example.send("PUT", f"{RULES}/kills", RULE)
    await example.send("PUT", "/api/v1/kill", {"note": "enough"})

    async def is_shown() -> bool:
        return bool((await example.get("/api/v1/alerts"))["items"])

    await example.until(is_shown)
    found = await example.get("/api/v1/alerts")
    alert = found["items"][-1]
    assert alert["text"].startswith("KILL: everybody stopped by local")
    assert alert["deliveries"] == [
        {"channel": "phone", "status": "failed", "why": "UNKNOWN_CHANNEL"}
    ]
    assert (alert["rule"], alert["what"], alert["subject"]) == ("kills", "kill", "all/")
    metrics = await example.http.get("/metrics")
    assert 'phalanx_alerts_total{outcome="failed"} 1.0' in metrics.text


async def test_a_test_to_a_webhook_that_may_not_be_reached_fails_with_a_code(site: Site) -> None:
    body = {"url": "webhook+https://localhost/x", "secret": "a long random secret"}
    assert (await site.send("PUT", f"{CHANNELS}/hook", body)).status_code == 200

    answer = await site.send("POST", f"{CHANNELS}/hook/test")
    assert answer.status_code == 202, answer.text

    async def is_over() -> bool:
        (alert,) = (await site.get("/api/v1/alerts"))["items"]
        return bool(alert["deliveries"][0]["status"] != "waiting")

    await site.until(is_over)
    (alert,) = (await site.get("/api/v1/alerts"))["items"]
    assert alert["deliveries"] == [
        {"channel": "hook", "status": "failed", "why": "ADDRESS_NOT_ALLOWED"}
    ]
    assert (await site.get(CHANNELS))["items"][0]["trouble"] == "CIRCUIT_OPEN"
    assert await code(site, "POST", f"{CHANNELS}/none/test") == (404, "UNKNOWN_CHANNEL")


async def test_channels_that_cannot_be_unsealed_keep_no_desk_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "data"
    async with open_site(data) as site:
        await site.send("PUT", f"{CHANNELS}/phone", DISCORD)
    (data / "access.key").write_bytes(b"no key")
    async with open_site(data) as site:
        assert (await site.get(CHANNELS))["items"] == []
        assert (await site.get("/health/ready"))["ready"] is True

    assert "KEY_INVALID" in caplog.text
    assert TOKEN not in caplog.text
