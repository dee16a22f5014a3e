"""Groups: made, changed, listed and removed; and every way to name a member that is none."""

from typing import Any

import pytest

from phalanx.desk.recovery import event_at
from phalanx.domain.events import GroupPut, GroupRemoved
from phalanx.domain.instructions import Door
from tests.api.conftest import Site

CORE = "/api/v1/groups/core"


async def put(site: Site, members: list[Any], path: str = CORE, key: str | None = None) -> Any:  # noqa: ANN401  JSON
    answer = await site.send("PUT", path, {"members": members}, key)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(site: Site, body: object, path: str = CORE) -> tuple[int, str, str | None]:
    seq = site.system.desk.state.seq
    answer = await site.send("PUT", path, body)
    assert site.system.desk.state.seq == seq
    problem = answer.json()
    return answer.status_code, problem["code"], problem.get("field")


async def test_a_group_has_accounts_clients_and_multipliers(example: Site) -> None:
    group = await put(example, ["PAPER-1", {"client": 2, "multiplier": "0.5"}])

    first, second = group["members"]
    assert group["name"] == "core"
    assert first == {
        "account": "PAPER-1",
        "client": "Holland Proctor",
        "client_id": 1,
        "multiplier": "1",
    }
    assert (second["account"], second["client_id"], second["multiplier"]) == ("PAPER-2", 2, "0.5")
    assert await example.get(CORE) == group


async def test_the_members_are_those_of_the_last_put(example: Site) -> None:
    await put(example, ["PAPER-1", "PAPER-2"])
    await put(example, [{"account": "PAPER-2", "multiplier": 3}])

    group = await example.get(CORE)

    assert [(m["account"], m["multiplier"]) for m in group["members"]] == [("PAPER-2", "3")]


async def test_groups_are_listed_by_the_page(example: Site) -> None:
    await put(example, ["PAPER-1"])
    await put(example, [], "/api/v1/groups/late%20buyers")

    found = await example.get("/api/v1/groups")
    page = await example.get("/api/v1/groups", skip=1, limit=1)

    assert (found["total"], found["as_of"]) == (2, example.system.desk.state.seq)
    assert [one["name"] for one in found["items"]] == ["core", "late buyers"]
    assert (page["total"], page["items"]) == (2, [{"name": "late buyers", "members": []}])


async def test_a_change_is_one_event_that_tells_who_asked(example: Site) -> None:
    desk = example.system.desk
    seq = desk.state.seq
    await put(example, ["PAPER-1"], key="k")
    await put(example, ["PAPER-1"])

    event = event_at(desk._ports.journal, seq + 1)
    assert desk.state.seq == seq + 1
    assert isinstance(event, GroupPut)
    assert (event.origin.door, event.origin.idempotency_key) == (Door.GROUPS, "k")


async def test_a_group_that_was_removed_is_gone(example: Site) -> None:
    desk = example.system.desk
    await put(example, ["PAPER-1"])

    answer = await example.send("DELETE", CORE)

    assert answer.json() == {"name": "core", "removed": True}
    assert isinstance(event_at(desk._ports.journal, desk.state.seq), GroupRemoved)
    assert (await example.http.get(CORE)).status_code == 404
    assert (await example.get("/api/v1/groups"))["items"] == []


async def test_a_repeat_gets_the_first_answer_whatever_came_after(example: Site) -> None:
    members = ["PAPER-1", {"client": 2}]
    first = await put(example, members, key="k")
    gone = await example.send("DELETE", CORE, key="gone")
    await put(example, ["PAPER-2"])

    again = await example.send("PUT", CORE, {"members": members}, "k")
    gone_again = await example.send("DELETE", CORE, key="gone")
    other = await example.send("PUT", CORE, {"members": []}, "k")

    assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")
    assert (gone_again.json(), gone_again.headers["idempotent-replayed"]) == (gone.json(), "true")
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert len((await example.get(CORE))["members"]) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_group_that_is_not_there(example: Site, method: str) -> None:
    answer = await example.send(method, "/api/v1/groups/nobodys")

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("members", "code", "field"),
    [
        (["PAPER-1", "NOBODY"], "UNKNOWN_ACCOUNT", "members[1]"),
        ([{"client": 99}], "UNKNOWN_CLIENT", "members[0]"),
        (["PAPER-1", {"client": 1}], "DUPLICATE_MEMBER", "members[1]"),
        ([{"multiplier": 2}], "MISSING_FIELD", "members[0]"),
        ([{"account": "PAPER-1", "client": 1}], "MISSING_FIELD", "members[0]"),
        ([{"client": 1, "multiplier": 0}], "NOT_POSITIVE", "members[0].multiplier"),
        ([{"client": 1, "multiplier": "-1"}], "NOT_POSITIVE", "members[0].multiplier"),
        ([{"client": 1, "multiplier": "1e3"}], "INVALID_NUMBER", "members[0].multiplier"),
        ([{"client": 1, "multiplier": 10001}], "INVALID_VALUE", "members[0].multiplier"),
        ([""], "EMPTY_TEXT", "members[0]"),
        (["a" * 129], "TEXT_TOO_LONG", "members[0]"),
        ([{"account": "a\x00"}], "INVALID_TEXT", "members[0].account"),
    ],
)
async def test_a_member_that_is_none(
    example: Site, members: list[Any], code: str, field: str
) -> None:
    assert await refused(example, {"members": members}) == (422, code, field)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_FIELD"),
        ({"members": "PAPER-1"}, "WRONG_TYPE"),
        ({"members": [7]}, "WRONG_TYPE"),
        ({"members": [{"client": "1"}]}, "WRONG_TYPE"),
        ({"members": [{"client": 0}]}, "INVALID_VALUE"),
        ({"members": [{"name": "x"}]}, "UNKNOWN_FIELD"),
        ({"members": [], "name": "x"}, "UNKNOWN_FIELD"),
        (["PAPER-1"], "WRONG_TYPE"),
    ],
)
async def test_a_body_that_is_no_group(example: Site, body: object, code: str) -> None:
    assert (await refused(example, body))[:2] == (422, code)


async def test_a_name_that_is_none(example: Site) -> None:
    assert (await refused(example, {"members": []}, f"/api/v1/groups/{'g' * 129}"))[1] == (
        "TEXT_TOO_LONG"
    )
    assert (await refused(example, {"members": []}, "/api/v1/groups/a%07"))[1] == "INVALID_TEXT"


async def test_too_many_members_are_refused_before_any_is_looked_for(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phalanx.api.groups.MEMBERS_MAX", 2)

    found = await refused(example, {"members": ["A", "B", "C"]})

    assert found == (422, "TOO_MANY_MEMBERS", "members")
