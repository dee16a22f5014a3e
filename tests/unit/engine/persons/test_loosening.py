"""Which change of a bound is the looser one."""

import pytest

from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.settings import RiskSettings
from phalanx.engine.persons.loosening import (
    SETTINGS,
    Looser,
    limit_is_looser,
    setting_is_looser,
    settings_changed,
)


def test_every_setting_has_its_line_and_its_reason() -> None:
    assert set(RiskSettings.__struct_fields__) <= set(SETTINGS)
    assert all(reason for _, reason in SETTINGS.values())


@pytest.mark.parametrize(
    ("name", "before", "after", "is_looser"),
    [
        ("value_max", 5, 6, True),
        ("value_max", 6, 5, False),
        ("undo_ms", 500, 400, True),
        ("undo_ms", 400, 500, False),
        ("approve_above", 5, 6, True),
        ("approve_above", 5, 0, True),
        ("approve_above", 0, 5, False),
        ("approve_above", 6, 5, False),
        ("two_persons", True, False, True),
        ("two_persons", False, True, False),
        ("zone_offset_s", 0, 1, True),
        ("zone_offset_s", 1, 0, True),
        ("one_that_nobody_thought_of", 1, 0, True),
        ("one_that_nobody_thought_of", 0, 1, True),
    ],
)
def test_a_setting(name: str, before: int, after: int, is_looser: bool) -> None:
    assert setting_is_looser(name, before, after) is is_looser


@pytest.mark.parametrize("name", RiskSettings.__struct_fields__)
def test_no_setting_is_loosened_by_both_ways_unless_any_change_counts(name: str) -> None:
    ways = [setting_is_looser(name, 1, 2), setting_is_looser(name, 2, 1)]

    assert any(ways)
    assert all(ways) is (SETTINGS[name][0] is Looser.ANY)


def test_what_changed_is_told_by_name_with_both_values() -> None:
    before = RiskSettings()

    assert settings_changed(before, before) == []
    assert settings_changed(before, RiskSettings(stale_after_s=3, two_persons=True)) == [
        ("stale_after_s", 15, 3),
        ("two_persons", False, True),
    ]


def limit(**bounds: object) -> Limit:
    return Limit(LimitLevel.GLOBAL, **bounds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["quantity_max", "value_max", "position_max", "orders_per_day_max"]
)
def test_a_bound_is_loosened_when_it_is_raised_or_gone(name: str) -> None:
    before = limit(**{name: whole(5)})

    assert limit_is_looser(before, limit(**{name: whole(6)}))
    assert limit_is_looser(before, limit())
    assert not limit_is_looser(before, limit(**{name: whole(4)}))
    assert not limit_is_looser(before, before)
    assert not limit_is_looser(limit(), before)


def test_one_bound_raised_is_enough_however_much_others_fall() -> None:
    before = limit(value_max=whole(5), quantity_max=whole(5))

    assert limit_is_looser(before, limit(value_max=whole(1), quantity_max=whole(6)))


def test_an_instrument_that_may_be_bought_again_loosens_and_one_more_that_may_not_does_not() -> (
    None
):
    before = limit(restricted=("NSE:1", "NSE:2"))

    assert limit_is_looser(before, limit(restricted=("NSE:1",)))
    assert limit_is_looser(before, limit(restricted=("NSE:1", "NSE:3")))
    assert not limit_is_looser(before, limit(restricted=("NSE:3", "NSE:2", "NSE:1")))


def test_a_first_limit_only_bounds() -> None:
    assert not limit_is_looser(None, limit(value_max=whole(1_000_000)))
