"""Counting, throttling and summing up."""

import msgspec
import pytest

from phalanx.alerts.matching import Fact
from phalanx.alerts.watch import SUBJECTS_MAX, Due, Watch
from phalanx.domain.alerts import AlertKind, AlertRule
from phalanx.domain.time import SECOND

STORM = AlertRule(
    "storm", AlertKind.REJECT_STORM, ("phone",), threshold=3, window_s=10, throttle_s=60
)
KILL = AlertRule("kill", AlertKind.KILL, ("phone",), throttle_s=0)


def watch(*rules: AlertRule) -> Watch:
    found = Watch()
    found.use(rules)
    return found


def reject(at_s: int, subject: str = "paper", account: str = "A1", count: int = 1) -> Fact:
    return Fact(AlertKind.REJECT_STORM, subject, "x", at_s * SECOND, (account,), "I1", count=count)


def take(on: Watch, *facts: Fact, groups: dict[str, list[str]] | None = None) -> list[Due]:
    return [due for fact in facts for due in on.take(fact, groups or {})]


def test_a_storm_is_as_many_as_the_threshold_within_the_window() -> None:
    on = watch(STORM)

    assert take(on, reject(0), reject(9), reject(20)) == []
    assert take(on, reject(25)) == []
    (due,) = take(on, reject(29))
    assert (due.count, due.since, due.is_summary) == (3, 20 * SECOND, False)


def test_subjects_are_counted_apart() -> None:
    on = watch(STORM)

    assert take(on, *(reject(1, f"b{n}") for n in range(9))) == []


def test_many_at_once_count_as_many() -> None:
    (due,) = take(watch(STORM), reject(1, count=40))

    assert due.count == 40


def test_what_follows_soon_is_held_back_and_summed_up() -> None:
    on = watch(STORM)
    assert len(take(on, *(reject(1) for _ in range(3)))) == 1

    assert take(on, *(reject(s) for s in range(2, 39))) == []
    assert on.held("storm", "paper") == 37
    assert on.ripe(60 * SECOND) == []
    (due,) = on.ripe(61 * SECOND)
    assert (due.count, due.since, due.is_summary) == (37, 2 * SECOND, True)
    assert on.ripe(200 * SECOND) == []
    assert on.held("storm", "paper") == 0
    # The summary counts as told.
    assert take(on, *(reject(62) for _ in range(3))) == []


def test_without_a_throttle_everything_is_told() -> None:
    on = watch(KILL)
    kill = Fact(AlertKind.KILL, "all/", "x", SECOND)

    assert [due.count for due in take(on, kill, kill, kill)] == [1, 1, 1]


def test_a_clock_that_goes_back_does_not_silence_a_rule() -> None:
    on = watch(STORM)
    assert len(take(on, *(reject(1_000) for _ in range(3)))) == 1

    assert len(take(on, *(reject(1) for _ in range(3)))) >= 1


@pytest.mark.parametrize(
    ("whose", "accounts", "is_told"),
    [
        ({}, ("A1",), True),
        ({"accounts": ("A1",)}, ("A2", "A1"), True),
        ({"accounts": ("A1",)}, ("A2",), False),
        ({"groups": ("core",)}, ("A2",), True),
        ({"groups": ("core",)}, ("A3",), False),
        ({"groups": ("gone",)}, ("A2",), False),
        ({"accounts": ("A1",)}, (), True),
    ],
)
def test_a_rule_is_about_its_accounts(
    whose: dict[str, object], accounts: tuple[str, ...], is_told: bool
) -> None:
    on = watch(msgspec.structs.replace(KILL, **whose))
    fact = Fact(AlertKind.KILL, "all/", "x", SECOND, accounts)

    assert bool(take(on, fact, groups={"A2": ["core"]})) is is_told


def test_a_rule_that_is_off_tells_nothing() -> None:
    on = watch(msgspec.structs.replace(KILL, enabled=False))

    assert list(on.kinds) == []
    assert take(on, Fact(AlertKind.KILL, "all/", "x", SECOND)) == []


def test_a_rule_that_changes_begins_anew_and_the_others_go_on() -> None:
    other = msgspec.structs.replace(STORM, name="other")
    on = watch(STORM, other)
    take(on, reject(1), reject(1))
    on.use([msgspec.structs.replace(STORM, throttle_s=5), other])

    assert [due.rule.name for due in take(on, reject(2))] == ["other"]


def test_subjects_are_bounded() -> None:
    on = watch(STORM)
    take(on, *(reject(1, f"b{n}") for n in range(SUBJECTS_MAX + 5)))

    take(on, reject(1, "b0"))
    assert take(on, reject(1, "b0")) == []
    assert take(on, reject(1, f"b{SUBJECTS_MAX}"), reject(1, f"b{SUBJECTS_MAX}"))
