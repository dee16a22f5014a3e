"""Logging in: one answer to everything that is wrong, and how often one may try."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from phalanx.access.directory import AccessRules, Directory
from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.passwords import PasswordCost
from phalanx.access.users import Duties
from phalanx.domain.access import Role
from phalanx.domain.secrets import Secret
from phalanx.domain.time import MINUTE, SECOND
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import ANOTHER, AWAY, HOME, PASSWORD, bearer, log_in, open_directory


def outcome(
    directory: Directory, name: str = "ann", password: Secret = ANOTHER, address: str = HOME
) -> str:
    try:
        log_in(directory, name, password, address=address)
    except AccessError as error:
        return error.code
    return "in"


def test_whoever_knows_the_password_is_in(directory: Directory) -> None:
    tokens = log_in(directory, "ANN")

    assert directory.principal_of(bearer(tokens.access)).name == "ann"
    assert directory.principal_of(bearer(tokens.access)).session == tokens.session


def test_everything_that_is_wrong_has_the_same_answer(directory: Directory) -> None:
    directory.users.disable("cora")
    answers = set()
    for name, password in [
        ("ann", ANOTHER),
        ("nobody", PASSWORD),
        ("cora", PASSWORD),
        ("no name at all", PASSWORD),
        ("ann", Secret("x" * 10_000)),
        ("ann", Secret("\ud800")),
    ]:
        with pytest.raises(AccessError) as caught:
            log_in(directory, name, password)
        answers.add((caught.value.code, str(caught.value), caught.value.retry_after_s))

    assert len(answers) == 1
    assert answers.pop()[0] is AccessCode.UNAUTHENTICATED


@pytest.mark.parametrize("name", ["ann", "nobody", "cora", "no name at all"])
def test_every_try_costs_one_check(
    directory: Directory, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    directory.users.disable("cora")
    passwords = directory._login._passwords
    watched = Mock(wraps=passwords._hasher)
    monkeypatch.setattr(passwords, "_hasher", watched)

    assert outcome(directory, name) == AccessCode.UNAUTHENTICATED

    assert watched.verify.call_count == 1
    assert watched.hash.call_count == 0


def test_no_answer_repeats_what_was_tried(directory: Directory) -> None:
    with pytest.raises(AccessError) as caught:
        log_in(directory, "ann", Secret("a canary password"))

    assert "canary" not in str(caught.value)
    assert "ann" not in str(caught.value)


def test_after_five_wrong_tries_the_next_waits(directory: Directory, clock: ManualClock) -> None:
    assert [outcome(directory) for _ in range(6)] == ["UNAUTHENTICATED"] * 5 + ["THROTTLED"]
    assert outcome(directory, password=PASSWORD) == "THROTTLED"

    clock.advance(SECOND)

    assert outcome(directory, password=PASSWORD) == "in"


def test_the_longest_wait_is_five_minutes(directory: Directory, clock: ManualClock) -> None:
    longest = 0
    for _ in range(40):
        with pytest.raises(AccessError) as caught:
            log_in(directory, password=ANOTHER)
        longest = max(longest, caught.value.retry_after_s)
        clock.advance(caught.value.retry_after_s * SECOND)

    assert longest == 5 * 60
    clock.advance(5 * MINUTE)
    assert outcome(directory, password=PASSWORD) == "in"


@pytest.mark.parametrize("address", [AWAY, "127.0.0.1", "::1", "2001:db8::1"])
def test_a_stranger_elsewhere_shuts_nobody_out(directory: Directory, address: str) -> None:
    for _ in range(50):
        outcome(directory, "root", address=HOME)

    assert outcome(directory, "root", PASSWORD, HOME) == "THROTTLED"
    assert outcome(directory, "root", PASSWORD, address) == "in"


def test_one_address_that_tries_many_names_waits(directory: Directory) -> None:
    tries = [outcome(directory, f"user{number}") for number in range(21)]

    assert tries == ["UNAUTHENTICATED"] * 20 + ["THROTTLED"]
    assert outcome(directory, "ann", PASSWORD) == "THROTTLED"
    assert outcome(directory, "ann", PASSWORD, AWAY) == "in"


def test_a_login_of_one_s_own_buys_no_guesses_at_others(directory: Directory) -> None:
    tries = []
    for number in range(21):
        tries.append(outcome(directory, f"user{number}"))
        if number < 20:
            outcome(directory, "cora", PASSWORD)

    assert tries[-1] == "THROTTLED"


def test_who_comes_in_begins_anew(directory: Directory) -> None:
    for _ in range(4):
        outcome(directory)
    assert outcome(directory, password=PASSWORD) == "in"

    assert [outcome(directory) for _ in range(6)] == ["UNAUTHENTICATED"] * 5 + ["THROTTLED"]


def test_a_busy_desk_counts_no_try(directory: Directory) -> None:
    turnstile = directory._login._passwords.turnstile
    turnstile._inside_or_waiting = turnstile._room
    assert [outcome(directory) for _ in range(50)] == ["THROTTLED"] * 50
    turnstile._inside_or_waiting = 0

    assert outcome(directory) == "UNAUTHENTICATED"


def test_names_that_cannot_be_take_no_memory(directory: Directory) -> None:
    for number in range(10):
        outcome(directory, "no name " + "x" * number * 1_000)

    assert len(directory._login._by_name) == 1


def test_a_hash_of_an_older_cost_is_made_anew_at_the_next_login(
    tmp_path: Path, clock: ManualClock
) -> None:
    with open_directory(tmp_path, clock) as directory:
        directory.users.create("ann", Duties(Role.ADMIN), PASSWORD)
    dearer = AccessRules(cost=PasswordCost(2, 16, 1))
    with open_directory(tmp_path, clock, dearer, seed=2) as directory:
        before = directory.users.get("ann")

        log_in(directory)

        after = directory.users.get("ann")
        assert before.password_hash.reveal().startswith("$argon2id$v=19$m=8,t=1,")
        assert after.password_hash.reveal().startswith("$argon2id$v=19$m=16,t=2,")
        assert log_in(directory).session
        assert directory.users.get("ann") == after


@pytest.mark.parametrize("act", ["disable", "reset_password"])
def test_who_is_shut_out_while_the_password_is_checked_stays_out(
    directory: Directory, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    passwords = directory._login._passwords
    is_right = passwords.is_right

    def check_then_shut(known: Secret | None, password: Secret) -> bool:
        right = is_right(known, password)
        getattr(directory.users, act)("ann")
        return right

    monkeypatch.setattr(passwords, "is_right", check_then_shut)

    assert outcome(directory, password=PASSWORD) == "UNAUTHENTICATED"
    assert directory.sessions.list() == ()
