"""The directory: the hot door asks memory only, and the vault's keys may change under it."""

from collections.abc import Callable
from pathlib import Path
from traceback import TracebackException

import pytest
from pyotp import TOTP
from sqlalchemy import event

from phalanx.access.directory import Directory
from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.machine_keys import NewKey
from phalanx.access.second_factor import STEP_NS
from phalanx.access.sessions import End
from phalanx.access.store import AccessStore
from phalanx.access.vault.envelope import KeyEncryptionKey
from phalanx.access.vault.keyring import Keyring
from phalanx.access.vault.rewrap import Rewrapping
from phalanx.domain.access import Permission
from phalanx.domain.secrets import Secret
from phalanx.domain.time import DAY
from tests.fakes.clock import START, ManualClock
from tests.unit.access.rig import (
    ANOTHER,
    CHEAP,
    PASSWORD,
    TRADER,
    SeededRandom,
    bearer,
    log_in,
    refused,
)


@pytest.fixture
def statements(directory: Directory) -> list[str]:
    """Every SQL statement from now on."""
    found: list[str] = []

    def heard(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(directory.store.engine, "before_cursor_execute", heard)
    return found


def test_who_asks_is_found_without_the_disk(directory: Directory, statements: list[str]) -> None:
    scopes = frozenset({Permission.TRADE})
    key = directory.keys.create(NewKey("bot", scopes, START + DAY), by="root")
    tokens = log_in(directory)
    assert statements
    statements.clear()

    names = [
        directory.principal_of(bearer(token)).name
        for token in (tokens.access, key.token, tokens.access, key.token)
    ]
    refused(directory.principal_of, b"Bearer nonsense")
    refused(directory.principal_of, b"Bearer phx_nonsense")

    assert names == ["ann", "bot", "ann", "bot"]
    assert statements == []


def test_a_wrong_password_writes_nothing(directory: Directory, statements: list[str]) -> None:
    refused(log_in, directory, "nobody")
    refused(log_in, directory, "ann", ANOTHER)

    assert statements == []


def test_a_client_sees_only_itself(directory: Directory) -> None:
    principal = directory.principal_of(bearer(log_in(directory, "cora").access))

    assert principal.client_ids == frozenset({7})
    assert principal.permissions == frozenset({Permission.READ})
    assert not principal.may_trade


def test_a_trader_sees_every_client(directory: Directory) -> None:
    assert directory.principal_of(bearer(log_in(directory).access)).client_ids is None


def test_no_token_is_shown_by_accident(directory: Directory) -> None:
    tokens = log_in(directory)

    shown = repr(tokens) + str(tokens) + f"{tokens.access} {tokens.refresh}"

    assert tokens.access.reveal() not in shown
    assert tokens.refresh.reveal() not in shown


def shown_frames(call: Callable[..., object], *args: object) -> str:
    """The refusal of a call as a traceback that shows the local names of every frame."""
    with pytest.raises(AccessError) as caught:
        call(*args)
    return "".join(TracebackException.from_exception(caught.value, capture_locals=True).format())


def test_a_traceback_that_shows_local_names_shows_no_secret(directory: Directory) -> None:
    ann = directory.users.get("ann").id
    used, session = log_in(directory).refresh, log_in(directory).session
    directory.refresh(used)
    short, wrong, fake = Secret("canary-1"), Secret("canary-2 is long"), Secret("phr_canary-3")
    code = Secret("canary-code-here")

    shown = [
        shown_frames(directory.users.create, "dora", TRADER, short),
        shown_frames(directory.users.change_password, ann, session, PASSWORD, short),
        shown_frames(directory.users.change_password, ann, session, wrong, ANOTHER),
        shown_frames(log_in, directory, "ann", wrong),
        shown_frames(directory.factors.enrol, ann, wrong),
        shown_frames(directory.factors.confirm, ann, code),
        shown_frames(directory.refresh, fake),
        shown_frames(directory.refresh, used),
    ]

    # The frames are there, with their names: otherwise this would prove nothing.
    assert all("self = " in one for one in shown)
    everything = "".join(shown)
    assert "canary" not in everything.lower()
    assert PASSWORD.reveal() not in everything
    assert used.reveal()[37:] not in everything
    assert used.reveal()[37:80] not in everything


def test_a_key_of_the_vault_is_replaced_under_a_directory_that_works(
    tmp_path: Path, clock: ManualClock
) -> None:
    old, new = KeyEncryptionKey(b"o" * 32), KeyEncryptionKey(b"n" * 32)
    keyring = Keyring(old, SeededRandom(3))
    with Directory(AccessStore.open(tmp_path), keyring, clock, SeededRandom(), CHEAP) as directory:
        ann = directory.users.create("ann", TRADER, PASSWORD).user.id
        tokens = log_in(directory)
        telephone = TOTP(directory.factors.enrol(ann, PASSWORD).secret.reveal())
        code = Secret(telephone.generate_otp(clock.now() // STEP_NS))
        directory.factors.confirm(ann, code)

        keyring.make_current(new)
        Rewrapping(directory.store.engine, keyring).run()
        keyring.remove(old.id)

        clock.advance(STEP_NS)
        code = Secret(telephone.generate_otp(clock.now() // STEP_NS))
        assert log_in(directory, code=code).session
        assert directory.principal_of(bearer(tokens.access)).name == "ann"
    only_new = Keyring(new, SeededRandom(4))
    with Directory(AccessStore.open(tmp_path), only_new, clock, SeededRandom(5), CHEAP) as again:
        assert again.principal_of(bearer(tokens.access)).name == "ann"
        assert again.refresh(tokens.refresh).session == tokens.session


def test_who_came_in_earlier_is_who_they_are_now(directory: Directory, clock: ManualClock) -> None:
    ann = directory.principal_of(bearer(log_in(directory).access))
    expires = clock.now() + DAY
    issued = directory.keys.create(NewKey("algo", frozenset({Permission.READ}), expires), by="ann")
    key = directory.principal_of(bearer(issued.token))

    assert directory.principal_now(ann) == ann
    assert directory.principal_now(key) == key

    directory.users.disable("ann")
    directory.keys.revoke(issued.key.id)

    assert directory.principal_now(ann) is None
    assert directory.principal_now(key) is None


def test_who_is_refused_with_a_token_of_theirs_is_known(directory: Directory) -> None:
    created = directory.users.create("dora", TRADER)
    assert created.password is not None
    owing = bearer(log_in(directory, "dora", created.password).access)
    ended = log_in(directory)
    directory.sessions.end(ended.session, End.LOGOUT)

    for header, code, actor in (
        (owing, AccessCode.PASSWORD_CHANGE_NEEDED, "dora"),
        (bearer(ended.access), AccessCode.SESSION_ENDED, "ann"),
        (b"Bearer nonsense", AccessCode.UNAUTHENTICATED, ""),
    ):
        with pytest.raises(AccessError) as caught:
            directory.principal_of(header)
        assert (caught.value.code, caught.value.actor) == (code, actor)
        assert not actor or actor not in caught.value.message
