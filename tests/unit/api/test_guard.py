"""Whom the guard lets in: by the directory, or by where they are."""

from pathlib import Path
from typing import Any

import pytest

from phalanx.access.directory import Directory
from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.sessions import End
from phalanx.access.users import Duties
from phalanx.api.guard import NOBODY, Guard
from phalanx.api.head import read_head
from phalanx.api.policy import ADMINISTER, DOCS, KNOWN, PUBLIC, READ, READ_OWN, Policy
from phalanx.api.problems import Problem
from phalanx.domain.access import LOCAL, Principal, Role
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import PASSWORD, bearer, log_in, open_directory


@pytest.fixture
def directory(tmp_path: Path) -> Any:  # noqa: ANN401  a generator
    with open_directory(tmp_path, ManualClock()) as opened:
        opened.users.create("vera", Duties(Role.VIEWER), PASSWORD)
        opened.users.create("cora", Duties(Role.CLIENT, (7,)), PASSWORD)
        yield opened


def ask(
    guard: Guard,
    policy: Policy,
    token: bytes | None = None,
    peer: str = "198.51.100.7",
    scheme: str = "https",
    **headers: str,
) -> Principal:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    if token is not None:
        pairs.append((b"authorization", token))
    scope = {"client": (peer, 1), "headers": pairs, "scheme": scheme}
    return guard.admit(scope, read_head(pairs), policy)


def token_of(directory: Directory, name: str) -> bytes:
    return bearer(log_in(directory, name).access)


def test_where_nobody_is_asked_this_machine_is_served() -> None:
    assert ask(Guard(None), ADMINISTER, peer="127.0.0.1") is LOCAL
    with pytest.raises(Problem, match="LOOPBACK_ONLY"):
        ask(Guard(None), PUBLIC)


def test_who_is_known_comes_from_anywhere(directory: Directory) -> None:
    found = ask(Guard(directory), READ, token_of(directory, "vera"))

    assert (found.name, found.actor) == ("vera", "vera")


@pytest.mark.parametrize("policy", [READ, KNOWN, DOCS])
def test_who_is_unknown_is_not_told_why(directory: Directory, policy: Policy) -> None:
    for token in (None, b"", b"Bearer x", b"Bearer phx_0"):
        with pytest.raises(AccessError) as refused:
            ask(Guard(directory), policy, token)

        assert refused.value.code is AccessCode.UNAUTHENTICATED


def test_a_public_door_asks_nobody_and_knows_who_says_who_they_are(directory: Directory) -> None:
    guard = Guard(directory)

    assert ask(guard, PUBLIC) is NOBODY
    assert ask(guard, PUBLIC, b"Bearer rubbish") is NOBODY
    assert ask(guard, PUBLIC, token_of(directory, "vera")).name == "vera"


def test_a_setting_opens_a_door(directory: Directory) -> None:
    assert ask(Guard(directory, {"docs_open"}), DOCS) is NOBODY


def test_what_is_missing_is_said(directory: Directory) -> None:
    with pytest.raises(Problem, match="FORBIDDEN: this needs the permission admin"):
        ask(Guard(directory), ADMINISTER, token_of(directory, "vera"))
    with pytest.raises(Problem, match="FORBIDDEN: this is about everybody's"):
        ask(Guard(directory), READ, token_of(directory, "cora"))
    assert ask(Guard(directory), READ_OWN, token_of(directory, "cora")).name == "cora"


def test_nobody_may_do_nothing() -> None:
    assert not any(policy.admits(NOBODY) for policy in (READ, READ_OWN, ADMINISTER))


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://desk.example", True),
        ("HTTPS://DESK.EXAMPLE", True),
        ("http://desk.example", False),
        ("https://other.example", True),
        ("http://other.example", False),
        ("https://evil-desk.example", False),
        ("https://desk.example.evil", False),
        ("https://desk.example:444", False),
        ("null", False),
        ("file://", False),
        ("http://[", False),
    ],
)
def test_pages_of_other_sites_may_ask_where_the_settings_say_so(
    directory: Directory, origin: str, is_allowed: bool
) -> None:
    guard = Guard(directory, origins=frozenset({b"https://other.example"}))
    token = token_of(directory, "vera")
    if is_allowed:
        assert ask(guard, READ, token, host="desk.example", origin=origin).name == "vera"
    else:
        with pytest.raises(Problem, match="ORIGIN_NOT_ALLOWED"):
            ask(guard, READ, token, host="desk.example", origin=origin)


def test_who_came_in_earlier_is_asked_again(directory: Directory) -> None:
    guard = Guard(directory)
    before = ask(guard, READ_OWN, token_of(directory, "cora"))
    directory.users.change_role("cora", Duties(Role.CLIENT, (8,)))

    now = guard.principal_now(before)
    assert now.client_ids == frozenset({8})

    directory.sessions.end(before.session, End.REVOKED)
    with pytest.raises(AccessError, match="SESSION_ENDED"):
        guard.principal_now(before)
    assert Guard(None).principal_now(LOCAL) is LOCAL
