"""A flood of bad logins is bounded, most of it is turned away at once, and orders are answered meanwhile."""

import asyncio
import threading
from collections import Counter
from unittest.mock import Mock

import pytest

from phalanx.access.errors import unauthenticated
from phalanx.access.login import Attempt
from phalanx.api.house import LOGINS_AT_ONCE, LOGINS_WAITING_MAX
from tests.api.identity.rig import LOGIN, LoginSite, outcome

FLOOD = 200
ROOM = LOGINS_AT_ONCE + LOGINS_WAITING_MAX
SIGNAL = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA"}


class SlowLogin:
    """Checks of passwords that last until they are let go."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.threads: set[int] = set()
        self.most = 0
        self._inside = 0
        self._lock = threading.Lock()

    def login(self, _: Attempt) -> None:
        with self._lock:
            self.threads.add(threading.get_ident())
            self._inside += 1
            self.most = max(self.most, self._inside)
        assert self.go_on.wait(30)
        with self._lock:
            self._inside -= 1
        raise unauthenticated()


async def test_orders_and_lists_are_answered_while_every_login_hangs(
    site: LoginSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = await site.key("read", "trade")
    slow = SlowLogin()
    monkeypatch.setattr(site.directory, "login", slow.login)
    wrong = {"user": "root", "password": "not this one"}
    flood = [
        asyncio.create_task(site.stranger(f"198.51.100.{place}").ask("POST", LOGIN, wrong))
        for place in range(FLOOD)
    ]
    try:
        turned_away, _ = await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        while len(turned_away) < FLOOD - ROOM:
            turned_away, _ = await asyncio.wait(flood, timeout=0.01)
        assert {outcome(task.result()) for task in turned_away} == {(429, "THROTTLED")}
        assert {task.result().headers["retry-after"] for task in turned_away} == {"1"}
        assert site.front.house.logins.crowd == ROOM

        for number in range(20):
            position = "SELL" if number % 2 else "BUY"
            answer = await program.ask("POST", "/create_order", {**SIGNAL, "POSITION": position})
            assert answer.status_code == 200, answer.text
        assert (await program.ask("GET", "/api/v1/instructions")).json()["total"] == 20
    finally:
        slow.go_on.set()
        answers = await asyncio.gather(*flood)
    found = Counter(outcome(answer) for answer in answers)
    assert found == {(429, "THROTTLED"): FLOOD - ROOM, (401, "UNAUTHENTICATED"): ROOM}
    assert slow.most == LOGINS_AT_ONCE
    assert threading.get_ident() not in slow.threads
    assert site.front.house.logins.crowd == 0
    told = Counter(act for act, _, _ in site.heard.taken())
    assert told["login_throttled"] == FLOOD - ROOM
    assert told["login_failed"] == ROOM


async def test_who_is_logged_in_stays_so_while_every_login_hangs(
    site: LoginSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await site.log_in("ann")
    slow = SlowLogin()
    monkeypatch.setattr(site.directory, "login", slow.login)
    wrong = {"user": "root", "password": "not this one"}
    flood = [
        asyncio.create_task(site.stranger(f"198.51.100.{place}").ask("POST", LOGIN, wrong))
        for place in range(ROOM)
    ]
    try:
        await ann.does("POST", "/api/v1/auth/refresh", {"refresh_token": ann.refresh})
        change = {"old": "correct horse battery", "new": "staple of correct horses"}
        await ann.does("POST", "/api/v1/auth/password", change)
        await ann.does("POST", "/api/v1/auth/logout")
    finally:
        slow.go_on.set()
        await asyncio.gather(*flood)


async def test_a_real_flood_from_one_place_costs_a_few_checks(
    site: LoginSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = Mock(wraps=site.directory.users._passwords.is_right)
    monkeypatch.setattr(site.directory.users._passwords, "is_right", checks)
    wrong = {"user": "root", "password": "not this one"}
    guesser = site.stranger("203.0.113.9")
    for _ in range(10):
        await asyncio.gather(*(guesser.ask("POST", LOGIN, wrong) for _ in range(20)))

    assert checks.call_count == 5, "so many are free; the clock stands still"
    tried = Mock(wraps=site.directory.login)
    monkeypatch.setattr(site.directory, "login", tried)
    await asyncio.gather(*(guesser.ask("POST", LOGIN, wrong) for _ in range(20)))
    assert tried.call_count == 0, "who waits is turned away on the loop, without a thread"
    await site.log_in("root")
