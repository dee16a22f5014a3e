"""The settings that decide: shown with their units, changed within their bounds, journaled."""

from typing import Any

import msgspec
import pytest

from phalanx.api.settings import FIELDS, SettingsAnswer, SettingsChange, Switch, Whole
from phalanx.desk.recovery import event_at
from phalanx.domain.events import SettingsPut
from phalanx.domain.instructions import Door
from phalanx.domain.numbers import whole
from phalanx.domain.settings import RiskSettings
from tests.api.conftest import Site

PATH = "/api/v1/settings"
UNITS = (
    *("basis points:", "count:", "milliseconds:", "money:", "seconds:", "shares or units:"),
    "switch:",
)


def test_every_setting_is_named_with_its_unit() -> None:
    assert tuple(FIELDS) == RiskSettings.__struct_fields__
    assert all(setting.about.startswith(UNITS) for setting in FIELDS.values())
    schema = msgspec.json.schema(SettingsAnswer)["$defs"]["SettingsAnswer"]
    assert {name: shape["description"] for name, shape in schema["properties"].items()} == {
        name: setting.about for name, setting in FIELDS.items()
    }


def test_the_defaults_are_within_the_bounds() -> None:
    defaults = RiskSettings()
    for field, setting in FIELDS.items():
        if isinstance(setting, Whole):
            assert setting.least <= getattr(defaults, field) <= setting.most, field


async def test_all_settings_are_shown(site: Site) -> None:
    found = await site.get(PATH)

    assert list(found) == list(RiskSettings.__struct_fields__)
    assert (found["quantity_max"], found["value_max"]) == ("1000000", "10000000")
    assert (found["protection_bps"], found["zone_offset_s"]) == (100, 19_800)


@pytest.mark.parametrize("field", FIELDS)
async def test_a_setting_is_changed_alone(site: Site, field: str) -> None:
    before = await site.get(PATH)
    setting = FIELDS[field]
    value: int | str = setting.most if isinstance(setting, Whole) else "1234.5"
    if isinstance(setting, Switch):
        value = True

    answer = await site.send("PATCH", PATH, {field: value})

    assert answer.json() == {**before, field: value} == await site.get(PATH)


async def test_a_change_is_journaled_and_holds(example: Site) -> None:
    desk = example.system.desk
    seq = desk.state.seq
    await example.send("PATCH", PATH, {"value_max": 10}, "k")
    await example.send("PATCH", PATH, {"value_max": "10.00"})

    event = event_at(desk._ports.journal, seq + 1)
    assert desk.state.seq == seq + 1
    assert isinstance(event, SettingsPut)
    assert (event.origin.door, event.settings.value_max) == (Door.SETTINGS, whole(10))
    assert (await example.signal("STRATEGY_B", "MINDA", "BUY"))["RESPONSE"] == "REJECTED"


async def test_a_repeat_gets_the_first_answer_whatever_came_after(site: Site) -> None:
    first = await site.send("PATCH", PATH, {"collar_bps": 7, "value_max": "5"}, "k")
    await site.send("PATCH", PATH, {"collar_bps": 9})

    again = await site.send("PATCH", PATH, {"value_max": 5.0, "collar_bps": 7}, "k")
    other = await site.send("PATCH", PATH, {"collar_bps": 7}, "k")

    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await site.get(PATH))["collar_bps"] == 9


def nonsense() -> list[Any]:
    cases: list[Any] = []
    for field, setting in FIELDS.items():
        if isinstance(setting, Whole):
            wrong: dict[object, str] = {
                setting.least - 1: "INVALID_VALUE",
                setting.most + 1: "INVALID_VALUE",
                "1": "WRONG_TYPE",
                1.5: "WRONG_TYPE",
                None: "WRONG_TYPE",
            }
        elif isinstance(setting, Switch):
            wrong = {0: "WRONG_TYPE", "on": "WRONG_TYPE", None: "WRONG_TYPE"}
        else:
            wrong = {
                0: "NOT_POSITIVE",
                "-1": "NOT_POSITIVE",
                "many": "INVALID_NUMBER",
                "0.000000001": "TOO_PRECISE",
                90_000_000_001: "NUMBER_TOO_LARGE",
                None: "WRONG_TYPE",
            }
            if setting.may_be_zero:
                del wrong[0]
        cases += [
            pytest.param(field, value, code, id=f"{field}-{value}") for value, code in wrong.items()
        ]
    return cases


@pytest.mark.parametrize(("field", "value", "code"), nonsense())
async def test_nonsense_is_refused_by_name(
    site: Site, field: str, value: object, code: str
) -> None:
    seq = site.system.desk.state.seq
    answer = await site.send("PATCH", PATH, {field: value, "collar_bps": 5} | {field: value})

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, code, field)
    assert site.system.desk.state.seq == seq


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "NOTHING_TO_CHANGE"), ({"band": 1}, "UNKNOWN_FIELD"), ([], "WRONG_TYPE")],
)
async def test_a_body_that_changes_nothing(site: Site, body: object, code: str) -> None:
    answer = await site.send("PATCH", PATH, body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_change_may_name_any_of_them() -> None:
    assert SettingsChange.__struct_fields__ == SettingsAnswer.__struct_fields__
