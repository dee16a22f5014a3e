"""Raw details: the names that a desk is made of, in and out."""

from typing import Any

import pytest

from tests.api.conftest import Site

PATH = "/api/v1/raw-details"
DETAILS = {
    "USERS": ["Ann", "Bo"],
    "STRATEGIES": ["RED", "BLUE"],
    "INSTRUMENTS": ["BIRLASOFT", "MY OWN", "ACC"],
}


async def put(site: Site, details: object, key: str | None = None) -> Any:  # noqa: ANN401  JSON
    answer = await site.send("POST", PATH, details, key)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_users_and_strategies_are_made_and_nobody_subscribes(site: Site) -> None:
    report = await put(site, DETAILS)

    state = site.system.desk.state
    assert report == {"users": 2, "strategies": 2, "instruments": 3}
    assert [client.name for client in state.clients.values()] == ["Ann", "Bo"]
    assert (await site.get("/api/v1/accounts/PAPER-2"))["cash"] == "1000000"
    assert list(state.local_instruments) == ["LOCAL:MY OWN"]
    assert state.strategies["RED"].instruments == state.strategies["BLUE"].instruments
    assert len(state.strategies["RED"].instruments) == 3
    assert state.subscriptions == {}


async def test_they_are_shown_in_the_same_shape(site: Site) -> None:
    await put(site, DETAILS)

    shown = await site.get(PATH)

    assert shown == {**DETAILS, "INSTRUMENTS": ["BSOFT", "MY OWN", "ACC"]}
    seq = site.system.desk.state.seq
    await put(site, shown)
    assert site.system.desk.state.seq == seq


async def test_a_desk_without_anything_has_empty_details(site: Site) -> None:
    assert await site.get(PATH) == {"USERS": [], "STRATEGIES": [], "INSTRUMENTS": []}


async def test_what_is_there_is_added_to_and_kept(example: Site) -> None:
    seq = example.system.desk.state.seq
    details = {
        "USERS": ["Oaklee Wagner", "Ann"],
        "STRATEGIES": ["STRATEGY_D"],
        "INSTRUMENTS": ["INFY"],
    }

    await put(example, details)

    state = example.system.desk.state
    assert [client.name for client in state.clients.values()][2:] == ["Ann"]
    assert len(state.strategies["STRATEGY_D"].instruments) == 2
    assert state.subscriptions["STRATEGY_D"]["PAPER-2"].instruments == ("NSE:22",)
    assert state.seq > seq
    shown = await example.get(PATH)
    assert shown["STRATEGIES"] == ["STRATEGY_A", "STRATEGY_B", "STRATEGY_D"]
    assert shown["INSTRUMENTS"] == ["BSOFT", "GRASIM", "EICHERMOT", "UNOMINDA", "ACC", "INFY"]


async def test_profiles_may_follow(site: Site) -> None:
    await put(site, DETAILS)
    await site.profiles({"Ann": {"RED": ["MY OWN"]}})

    bought = await site.signal("RED", "MY OWN", "BUY")

    assert (bought["RESPONSE"], len(bought["outcomes"])) == ("ACCEPTED", 1)
    assert [client["name"] for client in await site.get("/api/v1/clients")] == ["Ann", "Bo"]


async def test_a_repeat_gets_the_first_answer(site: Site) -> None:
    first = await put(site, DETAILS, "k")
    again = await site.send("POST", PATH, DETAILS, "k")
    other = await site.send("POST", PATH, {**DETAILS, "USERS": []}, "k")

    assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"USERS": ["Ann", "Ann"]}, "DUPLICATE_NAME", "USERS[1]"),
        ({"INSTRUMENTS": ["ACC", "INFY", "ACC"]}, "DUPLICATE_NAME", "INSTRUMENTS[2]"),
        ({"STRATEGIES": [""]}, "EMPTY_TEXT", "STRATEGIES[0]"),
        ({"STRATEGIES": ["a" * 129]}, "TEXT_TOO_LONG", "STRATEGIES[0]"),
        ({"USERS": ["a\x1b[2J"]}, "INVALID_TEXT", "USERS[0]"),
        ({"USERS": [7]}, "WRONG_TYPE", "USERS[0]"),
        ({"USERS": "Ann"}, "WRONG_TYPE", "USERS"),
        ({"USERS": ["a"] * 10_001}, "INVALID_VALUE", "USERS"),
        ({"INSTRUMENTS": ["a"] * 1_001}, "INVALID_VALUE", "INSTRUMENTS"),
        ({"TRADERS": []}, "UNKNOWN_FIELD", "TRADERS"),
    ],
)
async def test_details_that_are_none(
    site: Site, change: dict[str, Any], code: str, field: str
) -> None:
    seq = site.system.desk.state.seq
    answer = await site.send("POST", PATH, {**DETAILS, **change})

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, code, field)
    assert site.system.desk.state.seq == seq


async def test_all_three_must_be_there(site: Site) -> None:
    for missing in DETAILS:
        rest = {name: names for name, names in DETAILS.items() if name != missing}
        answer = await site.send("POST", PATH, rest)
        assert (answer.json()["code"], answer.json()["field"]) == ("MISSING_FIELD", missing)
