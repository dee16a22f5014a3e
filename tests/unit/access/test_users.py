"""Users: who is made and how, what an admin may change, and the one thing that must not be."""

from pathlib import Path

import pytest

from phalanx.access.directory import Directory
from phalanx.access.errors import AccessCode
from phalanx.access.users import CLIENT_IDS_MAX, Amendment, Duties
from phalanx.domain.access import Permission, Role
from phalanx.domain.secrets import Secret
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import (
    ADMIN,
    ANOTHER,
    PASSWORD,
    TRADER,
    bearer,
    log_in,
    open_directory,
    refused,
)


def test_the_first_start_makes_an_admin_who_must_change_a_password_shown_once(
    empty: Directory,
) -> None:
    created = empty.users.first_admin()

    assert created is not None
    assert created.password is not None
    assert created.user.role is Role.ADMIN
    assert created.user.must_change
    assert created.password.reveal() not in repr(created)
    assert log_in(empty, created.user.name, created.password).must_change
    assert empty.users.first_admin() is None


def test_a_later_start_makes_no_admin(tmp_path: Path, clock: ManualClock) -> None:
    with open_directory(tmp_path, clock) as directory:
        directory.users.first_admin()
    with open_directory(tmp_path, clock) as directory:
        assert directory.users.first_admin() is None
        assert [user.name for user in directory.users.list()] == ["admin"]


def test_a_given_password_needs_no_change(directory: Directory) -> None:
    assert not log_in(directory).must_change


def test_a_password_that_was_not_given_works_once_it_is_changed(directory: Directory) -> None:
    created = directory.users.create("dora", TRADER)
    assert created.password is not None
    tokens = log_in(directory, "dora", created.password)
    header = bearer(tokens.access)

    assert refused(directory.principal_of, header) is AccessCode.PASSWORD_CHANGE_NEEDED
    assert directory.principal_of(header, owing_password=True).name == "dora"
    directory.users.change_password(created.user.id, tokens.session, created.password, PASSWORD)

    assert directory.principal_of(header).name == "dora"
    assert not log_in(directory, "dora", PASSWORD).must_change


@pytest.mark.parametrize("name", ["ann", "ANN", "Ann"])
def test_a_name_is_taken_in_whichever_case(directory: Directory, name: str) -> None:

    assert refused(directory.users.create, name, TRADER, PASSWORD) is AccessCode.NAME_TAKEN
    assert len(directory.users.list()) == 3


@pytest.mark.parametrize(
    "name", ["", "a" * 65, "-ann", "an n", "ann\n", "key:ann", "anné", "local", "Desk", "a/b"]
)
def test_a_name_that_cannot_be_is_refused(directory: Directory, name: str) -> None:

    assert refused(directory.users.create, name, TRADER, PASSWORD) is AccessCode.INVALID


@pytest.mark.parametrize(
    "duties",
    [
        Duties(Role.CLIENT),
        Duties(Role.TRADER, (7,)),
        Duties(Role.CLIENT, (-1,)),
        Duties(Role.CLIENT, (2**53,)),
        Duties(Role.CLIENT, tuple(range(CLIENT_IDS_MAX + 1))),
    ],
)
def test_only_a_client_names_clients_and_it_must(directory: Directory, duties: Duties) -> None:
    assert refused(directory.users.create, "x", duties, PASSWORD) is AccessCode.INVALID
    assert refused(directory.users.change_role, "ann", duties) is AccessCode.INVALID
    assert directory.users.get("ann").role is Role.TRADER


def test_a_weak_password_makes_no_user(directory: Directory) -> None:

    assert (
        refused(directory.users.create, "dora", TRADER, Secret("short")) is AccessCode.WEAK_PASSWORD
    )
    assert refused(directory.users.get, "dora") is AccessCode.NO_SUCH_USER


def test_users_are_listed_by_name_and_show_no_hash(directory: Directory) -> None:
    directory.users.create("Bob", TRADER, PASSWORD)

    assert [user.name for user in directory.users.list()] == ["ann", "Bob", "cora", "root"]
    assert "argon2" not in repr(directory.users.list())


def test_another_role_counts_from_the_next_request_on(directory: Directory) -> None:
    header = bearer(log_in(directory).access)
    assert directory.principal_of(header).may(Permission.TRADE)

    directory.users.change_role("Ann", Duties(Role.CLIENT, (8, 7, 8), may_trade=True))

    principal = directory.principal_of(header)
    assert principal.client_ids == frozenset({7, 8})
    assert principal.may_trade
    assert not principal.may(Permission.STOP)
    assert directory.users.get("ann").client_ids == (7, 8)


def test_who_is_disabled_is_out_at_once_and_cannot_come_back(directory: Directory) -> None:
    tokens = log_in(directory)
    directory.principal_of(bearer(tokens.access))

    directory.users.disable("ann")

    assert refused(directory.principal_of, bearer(tokens.access)) is AccessCode.SESSION_ENDED
    assert refused(directory.refresh, tokens.refresh) is AccessCode.SESSION_ENDED
    assert refused(log_in, directory) is AccessCode.UNAUTHENTICATED
    assert directory.sessions.list() == ()


def test_who_is_enabled_again_logs_in_anew(directory: Directory) -> None:
    tokens = log_in(directory)
    directory.users.disable("ann")

    assert directory.users.enable("ann").disabled_at is None

    assert refused(directory.principal_of, bearer(tokens.access)) is AccessCode.SESSION_ENDED
    assert directory.principal_of(bearer(log_in(directory).access)).name == "ann"


def test_who_is_disabled_twice_was_disabled_the_first_time(
    directory: Directory, clock: ManualClock
) -> None:
    first = directory.users.disable("ann").disabled_at
    clock.advance(1)

    assert directory.users.disable("ann").disabled_at == first == clock.now() - 1


@pytest.mark.parametrize("duties", [None, TRADER, Duties(Role.CLIENT, (7,))])
def test_the_last_enabled_admin_stays(directory: Directory, duties: Duties | None) -> None:
    users = directory.users
    leave = (users.disable, "root") if duties is None else (users.change_role, "root", duties)
    assert refused(*leave) is AccessCode.LAST_ADMIN

    users.create("second", ADMIN, PASSWORD)
    users.disable("second")
    assert refused(*leave) is AccessCode.LAST_ADMIN

    users.enable("second")
    leave[0](*leave[1:])
    assert refused(users.disable, "second") is AccessCode.LAST_ADMIN


def test_an_admin_who_never_had_a_password_of_their_own_is_none_that_is_left(
    directory: Directory,
) -> None:
    users = directory.users
    created = users.create("second", ADMIN)
    assert created.password is not None
    assert refused(users.disable, "root") is AccessCode.LAST_ADMIN

    session = log_in(directory, "second", created.password).session
    users.change_password(created.user.id, session, created.password, PASSWORD)

    assert users.disable("root").disabled_at is not None


def test_the_last_admin_may_stay_an_admin(directory: Directory) -> None:
    assert directory.users.change_role("root", ADMIN).role is Role.ADMIN


def test_a_reset_password_ends_all_sessions_and_opens_with_the_new_one(
    directory: Directory,
) -> None:
    tokens = log_in(directory)

    created = directory.users.reset_password("ann")

    assert created.password is not None
    assert refused(directory.principal_of, bearer(tokens.access)) is AccessCode.SESSION_ENDED
    assert refused(log_in, directory) is AccessCode.UNAUTHENTICATED
    assert log_in(directory, password=created.password).must_change


def test_a_changed_password_ends_the_other_sessions_only(directory: Directory) -> None:
    mine, other, cora = log_in(directory), log_in(directory), log_in(directory, "cora")
    ann = directory.users.get("ann").id

    directory.users.change_password(ann, mine.session, PASSWORD, ANOTHER)

    left = {session.id for session in directory.sessions.list()}
    assert left == {mine.session, cora.session}
    assert refused(directory.refresh, other.refresh) is AccessCode.SESSION_ENDED
    assert log_in(directory, password=ANOTHER).session
    assert refused(log_in, directory) is AccessCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (ANOTHER, Secret("quite a new password"), AccessCode.WRONG_PASSWORD),
        (PASSWORD, Secret("short"), AccessCode.WEAK_PASSWORD),
        (PASSWORD, PASSWORD, AccessCode.WEAK_PASSWORD),
    ],
)
def test_a_password_is_changed_by_who_knows_it_to_another(
    directory: Directory, old: Secret, new: Secret, code: AccessCode
) -> None:
    tokens = log_in(directory)
    ann = directory.users.get("ann").id

    assert refused(directory.users.change_password, ann, tokens.session, old, new) is code
    assert log_in(directory).session


def test_a_stolen_session_cannot_guess_the_password_for_long(
    directory: Directory, clock: ManualClock
) -> None:
    tokens = log_in(directory)
    ann = directory.users.get("ann").id

    def guess(old: Secret = ANOTHER) -> AccessCode:
        return refused(directory.users.change_password, ann, tokens.session, old, Secret("n" * 12))

    assert [guess() for _ in range(6)] == [AccessCode.WRONG_PASSWORD] * 5 + [AccessCode.THROTTLED]
    assert guess(PASSWORD) is AccessCode.THROTTLED
    assert log_in(directory).session


def test_a_busy_desk_counts_no_try_at_the_password(directory: Directory) -> None:
    tokens = log_in(directory)
    ann = directory.users.get("ann").id
    call = directory.users.change_password
    turnstile = directory.users._passwords.turnstile
    turnstile._inside_or_waiting = turnstile._room
    for _ in range(20):
        assert refused(call, ann, tokens.session, PASSWORD, ANOTHER) is AccessCode.THROTTLED
    turnstile._inside_or_waiting = 0

    assert call(ann, tokens.session, PASSWORD, ANOTHER).name == "ann"


def test_a_reset_that_comes_during_a_change_stands(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = log_in(directory)
    ann = directory.users.get("ann").id
    confirm = directory.users._confirming.password_of
    given: list[Secret | None] = []

    def confirm_then_reset(*args: object) -> None:
        confirm(*args)  # type: ignore[arg-type]
        given.append(directory.users.reset_password("ann").password)

    monkeypatch.setattr(directory.users._confirming, "password_of", confirm_then_reset)

    assert (
        refused(directory.users.change_password, ann, tokens.session, PASSWORD, ANOTHER)
        is AccessCode.WRONG_PASSWORD
    )
    assert given[0] is not None
    assert log_in(directory, password=given[0]).must_change


@pytest.mark.parametrize("act", ["disable", "enable", "reset_password", "remove_totp", "get"])
def test_nobody_is_not_changed(directory: Directory, act: str) -> None:

    assert refused(getattr(directory.users, act), "nobody") is AccessCode.NO_SUCH_USER


def test_there_is_a_last_user(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phalanx.access.users.USERS_MAX", 4)
    directory.users.create("dora", TRADER, PASSWORD)

    assert refused(directory.users.create, "eve", TRADER, PASSWORD) is AccessCode.TOO_MANY


def test_several_things_are_changed_at_once(directory: Directory) -> None:
    tokens = log_in(directory)

    amendment = Amendment(Role.CLIENT, (8, 7), may_trade=True, is_enabled=False)
    user = directory.users.amend("Ann", amendment)

    assert (user.role, user.client_ids, user.may_trade) == (Role.CLIENT, (7, 8), True)
    assert user.disabled_at is not None
    assert refused(directory.principal_of, bearer(tokens.access)) is AccessCode.SESSION_ENDED
    again = directory.users.amend("ann", Amendment(is_enabled=True))
    assert (again.disabled_at, again.client_ids, again.may_trade) == (None, (7, 8), True)


def test_who_gets_another_role_leaves_their_clients_behind(directory: Directory) -> None:
    directory.users.amend("cora", Amendment(may_trade=True))

    user = directory.users.amend("cora", Amendment(Role.VIEWER))

    assert (user.role, user.client_ids, user.may_trade) == (Role.VIEWER, (), False)


@pytest.mark.parametrize(
    ("name", "amendment", "code"),
    [
        ("nobody-here", Amendment(), AccessCode.NO_SUCH_USER),
        ("root", Amendment(is_enabled=False), AccessCode.LAST_ADMIN),
        ("root", Amendment(Role.VIEWER, is_enabled=True), AccessCode.LAST_ADMIN),
        ("ann", Amendment(client_ids=(7,), is_enabled=False), AccessCode.INVALID),
        ("ann", Amendment(may_trade=True), AccessCode.INVALID),
        ("cora", Amendment(client_ids=()), AccessCode.INVALID),
    ],
)
def test_an_amendment_that_cannot_be_changes_nothing(
    directory: Directory, name: str, amendment: Amendment, code: AccessCode
) -> None:
    before = directory.users.list()

    assert refused(directory.users.amend, name, amendment) is code

    assert directory.users.list() == before
