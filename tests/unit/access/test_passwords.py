"""Passwords: rules, hashes, and how many are checked at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import Mock

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.passwords import (
    PasswordCost,
    Passwords,
    Turnstile,
    check_new_password,
)
from phalanx.domain.secrets import Secret
from tests.unit.access.rig import ANOTHER, PASSWORD, SeededRandom

COST = PasswordCost(1, 8, 1)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(COST, SeededRandom())


def test_a_password_is_right_for_its_own_hash_only(passwords: Passwords) -> None:
    kept = passwords.hash(PASSWORD)

    assert passwords.is_right(kept, PASSWORD)
    assert not passwords.is_right(kept, ANOTHER)
    assert not passwords.is_right(kept, Secret(""))


def test_a_hash_is_argon2id_at_the_cost_that_was_set_and_salted(passwords: Passwords) -> None:
    one, other = passwords.hash(PASSWORD).reveal(), passwords.hash(PASSWORD).reveal()

    assert one.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert one != other


def test_a_user_nobody_knows_has_no_password_and_costs_a_check(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = passwords.hash(PASSWORD)
    watched = Mock(wraps=passwords._hasher)
    monkeypatch.setattr(passwords, "_hasher", watched)

    assert not passwords.is_right(None, PASSWORD)
    assert not passwords.is_right(None, Secret(""))
    assert not passwords.is_right(kept, Secret("x" * 257))
    assert not passwords.is_right(kept, Secret("\ud800" + "x" * 12))
    assert passwords.is_right(kept, PASSWORD)

    costs = [call.args[0].rsplit("$", 2)[0] for call in watched.verify.call_args_list]
    assert costs == ["$argon2id$v=19$m=8,t=1,p=1"] * 5


def test_what_cannot_be_hashed_is_wrong_even_where_the_stand_in_matches(
    passwords: Passwords,
) -> None:
    empty = passwords.hash(Secret(""))

    assert not passwords.is_right(empty, Secret("x" * 257))


def test_a_damaged_hash_lets_nobody_in(passwords: Passwords) -> None:
    assert not passwords.is_right(Secret("no hash"), PASSWORD)


def test_the_same_password_from_another_keyboard_is_right(passwords: Passwords) -> None:
    composed, decomposed = "caf\u00e9 au lait, two", "cafe\u0301 au lait, two"

    assert passwords.is_right(passwords.hash(Secret(composed)), Secret(decomposed))


def test_a_hash_of_another_cost_is_outdated(passwords: Passwords) -> None:
    kept = passwords.hash(PASSWORD)

    assert not passwords.is_outdated(kept)
    assert Passwords(PasswordCost(2, 8, 1), SeededRandom()).is_outdated(kept)


def test_a_one_time_password_is_long_random_and_allowed(passwords: Passwords) -> None:
    one, other = passwords.one_time(), passwords.one_time()

    check_new_password("ann", one)
    assert len(one.reveal().replace("-", "")) == 24
    assert one != other


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("x" * 11, id="too short"),
        pytest.param("x" * 257, id="too long"),
        pytest.param("Annabel.Smith", id="the name"),
        pytest.param("annabel.smith", id="the name in another case"),
        pytest.param("twelve chars\ud800", id="half a character"),
        pytest.param("\ufdfa" * 20, id="too long once it is written out"),
    ],
)
def test_a_weak_password_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(AccessError) as caught:
        check_new_password("annabel.smith", Secret(password))

    assert caught.value.code is AccessCode.WEAK_PASSWORD
    assert password not in str(caught.value)


@pytest.mark.parametrize("password", ["x" * 12, "x" * 256, "only words here", "пароль-пароль"])
def test_length_is_all_that_is_asked(password: str) -> None:
    check_new_password("ann", Secret(password))


class Guests:
    """Threads that go through a turnstile and stay inside until they are let out."""

    def __init__(self, turnstile: Turnstile) -> None:
        self.turnstile = turnstile
        self.inside = threading.Semaphore(0)
        self.may_leave = threading.Event()
        self.most = 0
        self.now = 0
        self._lock = threading.Lock()

    def visit(self) -> None:
        with self.turnstile.passed():
            with self._lock:
                self.now += 1
                self.most = max(self.most, self.now)
            self.inside.release()
            self.may_leave.wait()
            with self._lock:
                self.now -= 1

    @contextmanager
    def visiting(self, count: int) -> Iterator[None]:
        threads = [threading.Thread(target=self.visit) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.may_leave.set()
            for thread in threads:
                thread.join()


def test_two_are_checked_at_once_some_wait_and_the_rest_are_sent_away() -> None:
    guests = Guests(Turnstile(2, 3))
    with guests.visiting(5):
        for _ in range(2):
            guests.inside.acquire()
        while guests.turnstile.crowd < 5:
            pass

        with pytest.raises(AccessError) as caught, guests.turnstile.passed():
            pass

    assert caught.value.code is AccessCode.THROTTLED
    assert caught.value.retry_after_s == 1
    assert guests.most == 2
    assert guests.turnstile.crowd == 0
    with guests.turnstile.passed():
        assert guests.turnstile.crowd == 1


def test_a_check_that_finds_no_room_is_throttled_not_wrong() -> None:
    passwords = Passwords(COST, SeededRandom(), at_once=1, waiting_max=0)
    kept = passwords.hash(PASSWORD)

    with passwords.turnstile.passed(), pytest.raises(AccessError) as caught:
        passwords.is_right(kept, PASSWORD)

    assert caught.value.code is AccessCode.THROTTLED


def test_what_is_checked_of_a_user_nobody_knows_has_the_shape_of_a_hash() -> None:
    cost = PasswordCost(1, 16, 2)
    hasher = PasswordHasher(1, 16, 2)
    nobodys = Passwords(cost, SeededRandom())._nobodys.reveal()

    assert not hasher.check_needs_rehash(nobodys)
    with pytest.raises(VerifyMismatchError):
        hasher.verify(nobodys, "")
