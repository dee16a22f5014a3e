"""A session's tokens: renewed in time, once for everybody, and put away before they are used."""

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.client import Server
from phalanx.cli.remote.identity import TokenIdentity, checked_token
from phalanx.cli.remote.safes import FileSafe, Kept
from phalanx.cli.remote.session import REFRESH_PATH, SessionIdentity
from phalanx.domain.secrets import Secret

URL = "http://phalanx.test"
ADVICE = "log in again: phalanx login --name main"


class Desk:
    """A server that lets in its newest access token, and takes a refresh token once."""

    def __init__(self) -> None:
        self.number = 1
        self.ended = False
        self.refreshes: list[str] = []
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.expires_in = 600
        self._lock = threading.Lock()

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            request.read()
            if request.url.path == REFRESH_PATH:
                return self._refresh(request)
            self.asked.append(request.headers.get("authorization", ""))
            self.bodies.append(request.content)
            if self.asked[-1] != f"Bearer access-{self.number}":
                problem = {"code": "UNAUTHENTICATED", "detail": "who are you"}
                return httpx.Response(401, json=problem)
            return httpx.Response(200, json={"ok": True})

    def _refresh(self, request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers
        token = msgspec.json.decode(request.content)["refresh_token"]
        self.refreshes.append(token)
        if self.ended or token != f"refresh-{self.number}":
            # As the real one: a token that comes twice ends the session.
            self.ended = True
            return httpx.Response(401, json={"code": "SESSION_ENDED", "detail": "it is over"})
        self.number += 1
        tokens = {"access_token": f"access-{self.number}", "expires_in": self.expires_in}
        return httpx.Response(200, json={**tokens, "refresh_token": f"refresh-{self.number}"})


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def safe(tmp_path: Path) -> FileSafe:
    made = FileSafe(tmp_path / "phalanx", "main")
    made.write(Kept(Secret("access-1"), Secret("refresh-1"), time.time() + 600))
    return made


def identity(desk: Desk, safe: FileSafe, **also: bool) -> SessionIdentity:
    return SessionIdentity(URL, safe, ADVICE, transport=desk.transport, **also)


def server(desk: Desk, safe: FileSafe) -> Server:
    return Server(URL, 1.0, desk.transport, identity(desk, safe))


def make_old(safe: FileSafe) -> None:
    kept = safe.read()
    assert kept is not None
    safe.write(Kept(kept.token, kept.refresh, time.time() - 1))


def test_a_token_that_is_good_is_sent_as_it_is(desk: Desk, safe: FileSafe) -> None:
    with server(desk, safe) as there:
        there.read("/x")
        there.read("/x")

    assert (desk.asked, desk.refreshes) == (["Bearer access-1"] * 2, [])


def test_one_that_is_over_is_renewed_before_anything_is_asked(desk: Desk, safe: FileSafe) -> None:
    make_old(safe)
    with server(desk, safe) as there:
        there.read("/x")

    assert (desk.asked, desk.refreshes) == (["Bearer access-2"], ["refresh-1"])
    kept = safe.read()
    assert kept is not None
    assert (kept.token, kept.refresh) == (Secret("access-2"), Secret("refresh-2"))
    assert kept.renew_at > time.time() + 500


@pytest.mark.parametrize("with_bar", [False, True])
def test_one_that_is_refused_is_renewed_once_and_the_request_goes_again(
    desk: Desk, safe: FileSafe, *, with_bar: bool
) -> None:
    desk.number = 2
    safe.write(Kept(Secret("access-1"), Secret("refresh-2"), time.time() + 600))
    told: list[int] = []
    with server(desk, safe) as there:
        body = b"x" * 100_000
        there.change("POST", "/x", content=body, sent=told.append if with_bar else None)

    assert desk.asked == ["Bearer access-1", "Bearer access-3"]
    assert desk.bodies == [body, body]
    assert sum(told) == (len(body) if with_bar else 0)


def test_a_token_that_stays_refused_is_not_tried_for_ever(desk: Desk, safe: FileSafe) -> None:
    handler = desk.answer

    def refusing(request: httpx.Request) -> httpx.Response:
        answer = handler(request)
        return answer if request.url.path == REFRESH_PATH else httpx.Response(401)

    who = SessionIdentity(URL, safe, ADVICE, transport=desk.transport)
    with (
        pytest.raises(Failure, match=ADVICE) as caught,
        Server(URL, 1.0, httpx.MockTransport(refusing), who) as there,
    ):
        there.read("/x")
    assert caught.value.exit_code is Exit.NOT_ALLOWED
    assert (len(desk.asked), len(desk.refreshes)) == (2, 1)


def test_the_new_tokens_are_put_away_before_they_are_used(
    desk: Desk, safe: FileSafe, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old(safe)
    failure = Failure(Exit.FAILURE, "FILE_NOT_WRITTEN", "full")

    def full(_: Kept) -> None:
        raise failure

    monkeypatch.setattr(safe, "write", full)
    with pytest.raises(Failure) as caught, server(desk, safe) as there:
        there.read("/x")

    assert caught.value is failure
    assert desk.asked == []


def test_of_many_processes_at_one_moment_one_refreshes(desk: Desk, safe: FileSafe) -> None:
    make_old(safe)
    begin = threading.Barrier(8)

    def process() -> Secret:
        # Each has an identity of its own, as each process has.
        begin.wait(10)
        return identity(desk, safe).token()

    with ThreadPoolExecutor(8) as processes:
        found = [one.result() for one in [processes.submit(process) for _ in range(8)]]

    assert found == [Secret("access-2")] * 8
    assert (desk.refreshes, desk.ended) == (["refresh-1"], False)


def test_of_many_that_were_refused_at_one_moment_one_refreshes(desk: Desk, safe: FileSafe) -> None:
    identities = [identity(desk, safe) for _ in range(4)]
    tokens = [one.token() for one in identities]

    with ThreadPoolExecutor(4) as processes:
        jobs = [
            processes.submit(one.renewed, token)
            for one, token in zip(identities, tokens, strict=True)
        ]
    assert [job.result() for job in jobs] == [Secret("access-2")] * 4
    assert desk.refreshes == ["refresh-1"]


async def test_asynchronous_requests_wait_in_threads(desk: Desk, safe: FileSafe) -> None:
    make_old(safe)
    loop_thread = threading.get_ident()
    threads: list[int] = []
    handler = desk.answer

    def noting(request: httpx.Request) -> httpx.Response:
        threads.append(threading.get_ident())
        return handler(request)

    who = SessionIdentity(URL, safe, ADVICE, transport=httpx.MockTransport(noting))
    async with httpx.AsyncClient(base_url=URL, auth=who, transport=desk.transport) as http:
        answers: Sequence[httpx.Response] = await asyncio.gather(
            *(http.get("/x") for _ in range(4))
        )

    assert {answer.status_code for answer in answers} == {200}
    assert len(desk.refreshes) == 1
    assert loop_thread not in threads


async def test_asynchronous_requests_are_repeated_with_a_new_token(
    desk: Desk, safe: FileSafe
) -> None:
    desk.number = 2
    safe.write(Kept(Secret("access-1"), Secret("refresh-2"), time.time() + 600))
    who = identity(desk, safe)
    async with httpx.AsyncClient(base_url=URL, auth=who, transport=desk.transport) as http:
        assert (await http.post("/x", content=b"a")).status_code == 200
    assert desk.bodies == [b"a", b"a"]


def test_a_session_that_is_over_says_how_to_log_in(desk: Desk, safe: FileSafe) -> None:
    desk.ended = True
    make_old(safe)

    with pytest.raises(Failure, match=ADVICE) as caught:
        identity(desk, safe).token()
    assert (caught.value.exit_code, caught.value.code) == (Exit.NOT_ALLOWED, "SESSION_ENDED")


def test_nobody_is_logged_in(desk: Desk, safe: FileSafe) -> None:
    safe.forget()

    with pytest.raises(Failure, match=ADVICE) as caught:
        identity(desk, safe).token()
    assert caught.value.code == "LOGIN_NEEDED"


def test_who_does_not_renew_sends_what_there_is(desk: Desk, safe: FileSafe) -> None:
    make_old(safe)
    who = identity(desk, safe, renews=False)

    assert who.token() == Secret("access-1")
    assert who.renewed(Secret("access-1")) is None
    assert desk.refreshes == []


def test_a_machine_key_is_not_renewed() -> None:
    who = TokenIdentity(Secret("phx_1"), "make another one")
    asked: list[httpx.Request] = []

    def refusing(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(401, json={"code": "UNAUTHENTICATED", "detail": "who are you"})

    with (
        pytest.raises(Failure, match="who are you; make another one"),
        Server(URL, 1.0, httpx.MockTransport(refusing), who) as there,
    ):
        there.read("/x")
    assert [request.headers["authorization"] for request in asked] == ["Bearer phx_1"]


@pytest.mark.parametrize("text", ["", " ", "canary twice", "canary\nnext", "cänary"])
def test_what_no_header_takes_is_no_token_and_is_not_repeated(text: str) -> None:
    with pytest.raises(Failure) as caught:
        checked_token(text, "PHALANX_TOKEN")
    assert caught.value.code == "BAD_TOKEN"
    assert "nary" not in str(caught.value)
