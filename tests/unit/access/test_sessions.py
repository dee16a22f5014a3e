"""Sessions: refresh tokens work once, and a session ends when it must."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select

from phalanx.access.directory import Directory
from phalanx.access.errors import AccessCode, AccessError, RefreshReused
from phalanx.access.login import Attempt
from phalanx.access.sessions import ENDED_PER_USER_MAX, LIVE_PER_USER_MAX, End
from phalanx.access.tables import sessions
from phalanx.domain.secrets import Secret
from phalanx.domain.time import HOUR, MINUTE
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import PASSWORD, bearer, log_in, refused


def reasons(directory: Directory) -> list[str]:
    """Why sessions ended, the first first."""
    query = select(sessions.c.ended_why).where(sessions.c.ended_at.is_not(None))
    with directory.store.reading() as connection:
        return list(connection.scalars(query.order_by(sessions.c.ended_at)))


def altered(token: Secret, at: int) -> Secret:
    text = token.reveal()
    other = "0" if text[at] != "0" else "1"
    return Secret(text[:at] + other + text[at + 1 :] if at != -1 else text[:-1] + other)


def test_a_refresh_gives_the_next_token_of_the_same_session(
    directory: Directory, clock: ManualClock
) -> None:
    first = log_in(directory)
    clock.advance(5 * MINUTE)

    second = directory.refresh(first.refresh)

    assert second.session == first.session
    assert second.refresh != first.refresh
    assert second.access_expires_at == first.access_expires_at + 5 * MINUTE
    assert second.session_expires_at == first.session_expires_at
    assert directory.principal_of(bearer(second.access)).name == "ann"
    assert directory.refresh(second.refresh).session == first.session


@pytest.mark.parametrize("age", [1, 2, 5])
def test_a_used_refresh_token_ends_the_session_however_old_it_is(
    directory: Directory, age: int
) -> None:
    first = tokens = log_in(directory)
    for _ in range(age):
        tokens = directory.refresh(tokens.refresh)

    assert refused(directory.refresh, first.refresh) is AccessCode.SESSION_ENDED

    assert refused(directory.refresh, tokens.refresh) is AccessCode.SESSION_ENDED
    assert refused(directory.principal_of, bearer(tokens.access)) is AccessCode.SESSION_ENDED
    assert reasons(directory) == [End.REUSED]


def test_it_is_said_whose_token_came_a_second_time(directory: Directory) -> None:
    first = log_in(directory)
    directory.refresh(first.refresh)

    with pytest.raises(RefreshReused) as caught:
        directory.refresh(first.refresh)

    assert (caught.value.user, caught.value.session) == ("ann", first.session)
    with pytest.raises(AccessError) as later:
        directory.refresh(first.refresh)
    assert type(later.value) is AccessError
    assert str(later.value) == str(caught.value), "nobody else is told more"


def test_the_end_of_one_session_is_not_that_of_another(directory: Directory) -> None:
    stolen, other = log_in(directory), log_in(directory)
    directory.refresh(stolen.refresh)
    refused(directory.refresh, stolen.refresh)

    assert directory.refresh(other.refresh).session == other.session


def test_of_two_that_refresh_at_once_one_wins_and_the_session_ends(directory: Directory) -> None:
    token = log_in(directory).refresh
    start = threading.Barrier(2)
    answers: list[str] = []

    def refresh() -> None:
        start.wait()
        try:
            answers.append(directory.refresh(token).session and "next")
        except AccessError as error:
            answers.append(error.code)

    threads = [threading.Thread(target=refresh) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == ["SESSION_ENDED", "next"]
    assert directory.sessions.list() == ()


def test_a_session_that_ends_while_it_is_refreshed_is_over(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = log_in(directory)
    check = directory.sessions._check_family

    def check_then_end(id: str, family: Secret) -> None:
        check(id, family)
        directory.sessions.end(id, End.LOGOUT)

    monkeypatch.setattr(directory.sessions, "_check_family", check_then_end)

    assert refused(directory.refresh, tokens.refresh) is AccessCode.SESSION_ENDED
    assert reasons(directory) == [End.LOGOUT]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "phr_",
        "phr",
        "x" * 10_000,
        "phx_" + "0" * 119,
        "é" * 123,
        "phr_" + "a" * 119,
        "_" * 123,
        "phr_" + "g" * 32 + "_" + "a" * 86,
    ],
)
def test_what_is_no_refresh_token_is_refused(directory: Directory, token: str) -> None:
    log_in(directory)

    assert refused(directory.refresh, Secret(token)) is AccessCode.UNAUTHENTICATED
    assert len(directory.sessions.list()) == 1


@pytest.mark.parametrize("at", [37, 50, 78])
def test_who_only_knows_a_session_s_id_cannot_end_it(directory: Directory, at: int) -> None:
    tokens = log_in(directory)

    forged = altered(tokens.refresh, at)

    assert refused(directory.refresh, forged) is AccessCode.UNAUTHENTICATED
    assert directory.refresh(tokens.refresh).session == tokens.session


def test_a_token_of_no_session_is_refused(directory: Directory) -> None:
    tokens = log_in(directory)

    assert refused(directory.refresh, altered(tokens.refresh, 4)) is AccessCode.SESSION_ENDED
    assert len(directory.sessions.list()) == 1


@pytest.mark.parametrize("at", [80, 100, -1])
def test_a_token_with_another_newest_part_is_taken_for_a_used_one(
    directory: Directory, at: int
) -> None:
    tokens = log_in(directory)

    refused(directory.refresh, altered(tokens.refresh, at))

    assert reasons(directory) == [End.REUSED]


def test_the_database_holds_no_refresh_token(directory: Directory, tmp_path: Path) -> None:
    tokens = log_in(directory)
    content = b"".join(path.read_bytes() for path in tmp_path.glob("access.db*"))

    assert tokens.session.encode() in content
    assert tokens.refresh.reveal()[37:60].encode() not in content
    assert tokens.refresh.reveal()[80:].encode() not in content


def test_an_idle_session_ends(directory: Directory, clock: ManualClock) -> None:
    tokens = log_in(directory)
    clock.advance(HOUR - 1)
    tokens = directory.refresh(tokens.refresh)
    clock.advance(HOUR)

    assert directory.sessions.list() == ()
    assert directory.sessions.live(tokens.session) is None
    assert refused(directory.refresh, tokens.refresh) is AccessCode.SESSION_ENDED
    assert reasons(directory) == [End.EXPIRED]


def test_no_session_lives_longer_than_half_a_day(directory: Directory, clock: ManualClock) -> None:
    tokens = log_in(directory)
    for _ in range(23):
        clock.advance(HOUR // 2)
        tokens = directory.refresh(tokens.refresh)
    clock.advance(HOUR // 2 - 5 * MINUTE)
    tokens = directory.refresh(tokens.refresh)
    assert tokens.access_expires_at == tokens.session_expires_at
    clock.advance(5 * MINUTE)

    assert refused(directory.refresh, tokens.refresh) is AccessCode.SESSION_ENDED
    assert refused(directory.principal_of, bearer(tokens.access)) is AccessCode.UNAUTHENTICATED


def test_sessions_are_listed_the_newest_first_with_where_they_are_from(
    directory: Directory, clock: ManualClock
) -> None:
    first = log_in(directory)
    clock.advance(1)
    second = log_in(directory, address="203.0.113.9")
    log_in(directory, "cora")
    ann = directory.users.get("ann").id

    found = directory.sessions.list(ann)

    assert [one.id for one in found] == [second.session, first.session]
    assert [one.address for one in found] == ["203.0.113.9", "198.51.100.7"]
    assert len(directory.sessions.list()) == 3


def test_what_a_stranger_says_about_itself_is_cut_and_printable(directory: Directory) -> None:
    agent = "\x1b[2J" + "x" * 10_000
    directory.login(Attempt("ann", PASSWORD, None, "9" * 1_000, agent))

    (session,) = directory.sessions.list()

    assert session.agent.startswith(r"\x1b[2Jxxx")
    assert (len(session.agent), len(session.address)) == (200, 64)


def test_a_revoked_session_s_tokens_die_at_once(directory: Directory) -> None:
    mine, other = log_in(directory), log_in(directory)
    directory.principal_of(bearer(mine.access))

    directory.sessions.end(mine.session, End.REVOKED)

    assert refused(directory.principal_of, bearer(mine.access)) is AccessCode.SESSION_ENDED
    assert directory.principal_of(bearer(other.access)).session == other.session
    assert refused(directory.sessions.end, mine.session, End.REVOKED) is AccessCode.NO_SUCH_SESSION


def test_nobody_ends_the_session_of_another(directory: Directory) -> None:
    tokens = log_in(directory)
    cora, ann = directory.users.get("cora").id, directory.users.get("ann").id

    call = directory.sessions.end
    assert refused(call, tokens.session, End.REVOKED, owner=cora) is AccessCode.NO_SUCH_SESSION
    assert len(directory.sessions.list()) == 1
    call(tokens.session, End.LOGOUT, owner=ann)
    assert reasons(directory) == [End.LOGOUT]


def test_all_sessions_of_a_user_end_together(directory: Directory) -> None:
    tokens = [log_in(directory) for _ in range(3)]
    cora = log_in(directory, "cora")

    assert directory.sessions.end_all(directory.users.get("ann").id, End.REVOKED) == 3

    for one in tokens:
        assert refused(directory.principal_of, bearer(one.access)) is AccessCode.SESSION_ENDED
    assert directory.principal_of(bearer(cora.access)).name == "cora"


def test_the_oldest_of_too_many_sessions_ends(directory: Directory, clock: ManualClock) -> None:
    all_tokens = []
    for _ in range(LIVE_PER_USER_MAX + 1):
        all_tokens.append(log_in(directory))
        clock.advance(1)

    assert len(directory.sessions.list()) == LIVE_PER_USER_MAX
    first = bearer(all_tokens[0].access)
    assert refused(directory.principal_of, first) is AccessCode.SESSION_ENDED
    assert directory.principal_of(bearer(all_tokens[1].access)).name == "ann"
    assert reasons(directory) == [End.TOO_MANY]


def test_of_ended_sessions_the_latest_are_kept(directory: Directory, clock: ManualClock) -> None:
    for _ in range(ENDED_PER_USER_MAX + 5):
        directory.sessions.end(log_in(directory).session, End.LOGOUT)
        clock.advance(1)

    with directory.store.reading() as connection:
        count = connection.scalar(select(func.count()).select_from(sessions))
        oldest = connection.scalar(select(func.min(sessions.c.ended_at)))
    assert count == ENDED_PER_USER_MAX
    assert oldest == clock.now() - ENDED_PER_USER_MAX


def test_what_is_over_leaves_the_memory_when_somebody_tidies(
    directory: Directory, clock: ManualClock
) -> None:
    log_in(directory)
    clock.advance(HOUR)
    log_in(directory, "cora")
    assert len(directory.store.picture.sessions) == 2

    directory.tidy()

    assert len(directory.store.picture.sessions) == 1
    assert reasons(directory) == [End.EXPIRED]
