"""What loosens waits for another person: each door says so, and another one approves it.

Over HTTP everybody here is `local`; the other person speaks to the desk itself.
"""

from typing import Any

import pytest

from phalanx.domain.events import ChangeApproved, ChangeAsked
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.engine import commands as c
from tests.api.conftest import Site

PATH = "/api/v1/changes"
ANN = Origin("ann", Door.SETTINGS)


@pytest.fixture
async def two(example: Site) -> Site:
    """Kills, limits and a group stand, and two persons are needed."""
    desk = example.system.desk
    await example.send("PUT", "/api/v1/kill", {"note": "fire"})
    limits = [
        {"level": "global", "value_max": "1000"},
        {"level": "group", "name": "core", "position_max": "10"},
    ]
    await example.send("PUT", "/api/v1/groups/core", {"members": ["PAPER-1", "PAPER-2"]})
    await example.send("PUT", "/api/v1/limits", limits)
    answer = await example.send("PATCH", "/api/v1/settings", {"two_persons": True})
    assert answer.json()["two_persons"] is True
    assert desk.state.kills
    assert len(desk.state.limits) == 2
    return example


async def ask(site: Site, command: c.Command | None = None) -> str:
    """What somebody else asked for."""
    executed = await site.system.desk.execute(command or c.LiftKill(ANN))
    event = executed.events[0]
    assert isinstance(event, ChangeAsked)
    return event.asked.id


async def approve(site: Site, change: str) -> ChangeApproved:
    executed = await site.system.desk.execute(c.ApproveChange(ANN, change))
    event = executed.events[0]
    assert isinstance(event, ChangeApproved)
    return event


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/api/v1/kill", None),
        ("PUT", "/api/v1/limits", [{"level": "global", "value_max": "2000"}]),
        ("DELETE", "/api/v1/limits/global", None),
        ("DELETE", "/api/v1/limits/group/core", None),
        ("PUT", "/api/v1/groups/core", {"members": ["PAPER-1"]}),
        ("DELETE", "/api/v1/groups/core", None),
        ("PATCH", "/api/v1/settings", {"value_max": "20000000"}),
        ("PATCH", "/api/v1/settings", {"two_persons": False}),
    ],
)
async def test_each_door_that_loosens_answers_202_and_repeats_it(
    two: Site, method: str, path: str, body: object
) -> None:
    seq = two.system.desk.state.seq

    answer = await two.send(method, path, body, "k")
    again = await two.send(method, path, body, "k")

    assert answer.status_code == again.status_code == 202
    said = answer.json()
    assert said == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert (said["status"], said["asked_by"]) == ("WAITING", "local")
    assert said["details"]
    assert two.system.desk.state.seq == seq + 1
    assert list(two.system.desk.state.changes) == [said["change"]]

    approved = await approve(two, said["change"])

    assert approved.events >= 1
    third = await two.send(method, path, body, "k")
    assert (third.status_code, third.json()) == (202, said)


async def test_what_tightens_is_done_at_once(two: Site) -> None:
    put = await two.send("PUT", "/api/v1/limits", [{"level": "global", "value_max": "10"}])
    patched = await two.send("PATCH", "/api/v1/settings", {"value_max": "10"})
    killed = await two.send("PUT", "/api/v1/kill", {"account": "PAPER-1"})

    assert [one.status_code for one in (put, patched, killed)] == [200, 200, 200]


async def test_a_csv_of_limits_some_of_them_looser_waits_as_a_whole(two: Site) -> None:
    content = "level,name,value_max\nglobal,,2000\naccount,PAPER-1,5\n"
    headers = {"content-type": "text/csv"}

    answer = await two.http.put("/api/v1/limits", content=content, headers=headers)

    assert answer.status_code == 202
    assert "account/PAPER-1" not in two.system.desk.state.limits
    assert (await approve(two, answer.json()["change"])).events == 2


async def test_another_person_approves_over_http(two: Site) -> None:
    change = await ask(two)

    answer = await two.send("POST", f"{PATH}/{change}/approve", {"note": "seen"}, "k")
    again = await two.send("POST", f"{PATH}/{change}/approve", {"note": "seen"}, "k")

    said = answer.json()
    assert (answer.status_code, said["status"], said["decided_by"]) == (200, "APPROVED", "local")
    assert (said["note"], said["refusal"]) == ("seen", None)
    assert again.json() == said
    assert not two.system.desk.state.kills
    (shown,) = (await two.get(PATH, status="approved"))["items"]
    assert (shown["asked_by"], shown["decided_by"], shown["note"]) == ("ann", "local", "seen")


async def test_what_moved_meanwhile_ends_as_refused(two: Site) -> None:
    looser = Limit(LimitLevel.GLOBAL, value_max=whole(2000))
    change = await ask(two, c.PutLimits(ANN, (looser,)))
    await two.send("PUT", "/api/v1/limits", [{"level": "global", "value_max": "5"}])

    said = (await two.send("POST", f"{PATH}/{change}/approve")).json()

    assert (said["status"], said["refusal"]) == ("REFUSED", "CHANGE_MOVED")
    assert (await two.get(f"{PATH}/{change}"))["status"] == "REFUSED"
    assert two.system.desk.state.limits["global/"].value_max == whole(5)


async def test_the_same_person_is_told_no_and_may_take_it_back(two: Site) -> None:
    change = (await two.send("DELETE", "/api/v1/kill")).json()["change"]

    refused = await two.send("POST", f"{PATH}/{change}/approve")
    declined = await two.send("POST", f"{PATH}/{change}/decline", {"note": "no"})
    over = await two.send("POST", f"{PATH}/{change}/approve")

    assert (refused.status_code, refused.json()["code"]) == (403, "SAME_PERSON")
    assert "no other person" in refused.json()["detail"]
    assert (declined.status_code, declined.json()["status"]) == (200, "DECLINED")
    assert (over.status_code, over.json()["code"]) == (404, "NO_SUCH_CHANGE")
    assert two.system.desk.state.kills


async def test_those_that_wait_are_listed_newest_first(two: Site) -> None:
    first, second = await ask(two), await ask(two)

    found = await two.get(PATH)

    assert [one["change"] for one in found["items"]] == [second, first]
    assert (found["total"], found["items"][0]["kind"]) == (2, "kill")
    assert found["items"][0]["details"] == ["lift the kill for everybody"]
    assert (await two.get(PATH, status="all"))["total"] == 2
    assert (await two.get(PATH, status="expired"))["items"] == []
    missing = await two.http.get(f"{PATH}/C0")
    assert (missing.status_code, missing.json()["code"]) == (404, "NO_SUCH_CHANGE")


async def test_the_stream_shows_what_waits_and_that_it_is_over(two: Site) -> None:
    rows: dict[str, Any] = two.system.desk.stream.topics["changes"].rows
    change = await ask(two)
    assert list(rows) == [change]
    message = rows[change].message()
    assert (message.kind, message.asked_by) == ("kill", "ann")

    await two.send("POST", f"{PATH}/{change}/decline")

    assert not rows


async def test_two_persons_can_be_turned_on_by_one(site: Site) -> None:
    answer = await site.send("PATCH", "/api/v1/settings", {"two_persons": True})
    assert (answer.status_code, answer.json()["two_persons"]) == (200, True)
