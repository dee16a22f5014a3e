"""`phalanx produce`: its pace, its sums, and when it stops."""

import io
import json
from pathlib import Path

import httpx
import pytest

from phalanx.cli.display.screen import Screen
from phalanx.cli.exit_codes import Exit
from phalanx.cli.producing import production
from phalanx.cli.producing.command import refuse_while_live
from phalanx.cli.producing.production import Pace, Production, percentile
from phalanx.cli.producing.random_orders import RandomOrders
from phalanx.cli.remote import connecting
from phalanx.cli.remote.identity import Identity, TokenIdentity
from phalanx.domain.secrets import Secret
from tests.unit.cli.doubles import FakeServer, Handler, run

ACCEPTED = {
    "RESPONSE": "ACCEPTED",
    "reason": None,
    "message": None,
    "instruction_id": "I1",
    "outcomes": [{"status": "ACCEPTED"}, {"status": "REJECTED"}],
}
REJECTED = {
    "RESPONSE": "REJECTED",
    "reason": "NOTHING_VALID",
    "message": "not valid for any account",
    "instruction_id": "I2",
    "outcomes": [],
}


class Run:
    """A production against answers of our own."""

    def __init__(
        self,
        handler: Handler,
        count: int = 6,
        *,
        as_json: bool = False,
        identity: Identity | None = None,
    ) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.requests: list[httpx.Request] = []

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return handler(request)

        self._production = Production(
            "http://phalanx.test",
            1.0,
            RandomOrders({"S": ["X"]}, 1),
            Pace(0, count),
            Screen(as_json=as_json, out=self.out, err=self.err),
            httpx.MockTransport(handle),
            identity=identity,
        )

    async def end(self, concurrency: int = 2) -> Exit:
        return await self._production.run(concurrency)

    @property
    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()


def always(status: int, body: object, **headers: str) -> Handler:
    return lambda _: httpx.Response(status, json=body, headers=headers)


async def test_every_order_has_a_key_of_its_own_and_a_line() -> None:
    run = Run(always(200, ACCEPTED))

    assert await run.end() is Exit.OK
    assert len({request.headers["idempotency-key"] for request in run.requests}) == 6
    assert {request.url.path for request in run.requests} == {"/create_order"}
    assert set(json.loads(run.requests[0].content)) == {"STRATEGY", "INSTRUMENT", "POSITION"}
    assert len(run.lines) == 7
    assert "ACCEPTED  1 of 2 accounts" in run.lines[0]
    assert run.lines[-1].startswith("6 sent in ")
    assert "6 accepted; round trip" in run.lines[-1]


async def test_orders_that_are_valid_for_nobody_are_no_failure() -> None:
    run = Run(always(200, REJECTED))

    assert await run.end() is Exit.OK
    assert "not valid for any account" in run.lines[0]
    assert "6 rejected" in run.lines[-1]


async def test_json_lines() -> None:
    run = Run(always(200, ACCEPTED), as_json=True)
    await run.end()

    documents = [json.loads(line) for line in run.lines]
    assert documents[0]["result"] == "ACCEPTED"
    assert (documents[0]["accepted"], documents[0]["accounts"]) == (1, 2)
    summary = documents[-1]
    assert (summary["sent"], summary["accepted"], summary["unknown"]) == (6, 6, 0)
    assert 0 < summary["p50_ns"] <= summary["p99_ns"]


async def test_silence_is_unknown_and_names_its_key() -> None:
    def silence(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    run = Run(silence, 1)

    assert await run.end() is Exit.UNKNOWN
    assert run.requests[0].headers["idempotency-key"] in run.lines[0]


async def test_a_server_that_failed_tells_nothing() -> None:
    assert await Run(always(500, {}), 1).end() is Exit.UNKNOWN


@pytest.mark.parametrize(("status", "code"), [(503, "OVERLOADED"), (429, "RATE_LIMITED")])
async def test_a_server_that_has_enough_is_given_time(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    answers = iter([(status, {"code": code, "detail": "busy"}), (200, ACCEPTED)])
    waits: list[float] = []

    async def wait(_: object, seconds: float) -> bool:
        waits.append(seconds)
        return False

    monkeypatch.setattr(production, "wait_for", wait)

    def next_answer(_: httpx.Request) -> httpx.Response:
        status, body = next(answers)
        return httpx.Response(status, json=body, headers={"retry-after": "3"})

    run = Run(next_answer, 2)

    assert await run.end(1) is Exit.PARTIAL
    assert f"FAILED  busy [{code}]" in run.lines[0]
    assert 3.0 in waits
    assert "1 accepted, 1 failed" in run.lines[-1]


async def test_a_server_that_is_gone_ends_the_run() -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("", request=request)

    run = Run(gone, 1_000_000)

    assert await run.end() is Exit.UNREACHABLE
    assert len(run.requests) <= 2
    assert "SERVER_UNREACHABLE" in run.err.getvalue()
    assert run.lines == ["0 sent in 0.0 s (0.0/s): nothing; round trip p50 0.00 ms, p99 0.00 ms"]


async def test_not_allowed_ends_the_run() -> None:
    run = Run(always(403, {"code": "LOOPBACK_ONLY", "detail": "no"}), 1_000_000)

    assert await run.end() is Exit.NOT_ALLOWED


async def test_nothing_but_failures_is_a_failure() -> None:
    assert await Run(always(422, {"code": "WRONG_TYPE"}), 2).end() is Exit.FAILURE


def test_a_pace_spaces_turns_and_ends() -> None:
    pace = Pace(1.0, 3)

    assert [pace.take(10.0), pace.take(10.25), pace.take(11.5)] == [0.0, 0.75, 0.5]
    assert pace.take(20.0) is None


def test_turns_that_were_missed_are_not_made_up() -> None:
    pace = Pace(1.0, None)
    pace.take(0.0)

    assert pace.take(10.0) == 0.0
    assert pace.take(10.0) == 1.0


@pytest.mark.parametrize(("percent", "value"), [(50, 2), (99, 4), (100, 4), (1, 1)])
def test_percentile(percent: int, value: int) -> None:
    assert percentile([1, 2, 3, 4], percent) == value
    assert percentile([], percent) == 0


def accounts(*modes: str) -> dict[str, object]:
    items = [{"account": f"A-{number}", "mode": mode} for number, mode in enumerate(modes)]
    return {"items": items, "total": len(items), "as_of": 1}


def test_it_refuses_while_an_account_is_live(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/accounts", body=accounts("PAPER", "LIVE"))
    result = run("produce", "--count", "1", "--json")

    error = json.loads(result.stderr)
    assert (result.exit_code, error["code"]) == (Exit.NOT_ALLOWED, "ACCOUNT_LIVE")
    assert [request.method for request in server.requests] == ["GET"]


def test_every_page_of_accounts_is_looked_at(
    server: FakeServer,
) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        skip = int(request.url.params["skip"])
        items = [{"account": f"A-{skip}", "mode": "PAPER"}] if skip < 3 else []
        return httpx.Response(200, json={"items": items, "total": 4})

    server.handle("GET", "/api/v1/accounts", page)
    with connecting.connect(None, 1.0) as there:
        refuse_while_live(there)

    assert [request.url.params["skip"] for request in server.requests] == ["0", "1", "2", "3"]


def test_without_strategies_there_is_nothing_to_produce(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/accounts", body=accounts("PAPER"))
    server.answer("GET", "/api/v1/strategies", body={"items": []})
    result = run("produce")

    assert (result.exit_code, "NO_STRATEGIES" in result.stderr) == (Exit.FAILURE, True)


def test_names_may_come_from_a_file(server: FakeServer, tmp_path: Path) -> None:
    server.answer("GET", "/api/v1/accounts", body=accounts("PAPER"))
    file = tmp_path / "p.json"
    file.write_text('{"A": {"S": ["X"]}, "B": {"S": ["X", "Y"]}}')
    result = run("produce", "--profiles", str(file), "--server", "http://127.0.0.1:1")

    assert result.exit_code == Exit.UNREACHABLE
    assert result.stdout.startswith("0 sent")


class Leaving(io.StringIO):
    """A pipe whose reader goes after so many lines."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._left = lines

    def flush(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("as_json", [True, False])
async def test_nothing_is_posted_for_a_reader_that_has_gone(*, as_json: bool) -> None:
    posts = 0

    def handle(_: httpx.Request) -> httpx.Response:
        nonlocal posts
        posts += 1
        return httpx.Response(200, json=ACCEPTED)

    production = Production(
        "http://phalanx.test",
        1.0,
        RandomOrders({"S": ["X"]}, 1),
        Pace(0, 100),
        Screen(as_json=as_json, out=Leaving(2)),
        httpx.MockTransport(handle),
    )

    with pytest.raises(BrokenPipeError):
        await production.run(2)
    assert posts < 10


async def test_every_order_carries_the_token() -> None:
    who = TokenIdentity(Secret("phx_1"), "make another one")
    run = Run(always(200, ACCEPTED), identity=who)

    assert await run.end() is Exit.OK
    assert {request.headers["authorization"] for request in run.requests} == {"Bearer phx_1"}


async def test_who_is_not_let_in_posts_no_more_and_is_told_what_to_do() -> None:
    who = TokenIdentity(Secret("phx_1"), "make another one")
    nobody = {"code": "UNAUTHENTICATED", "detail": "who are you"}
    run = Run(always(401, nobody), identity=who)

    assert await run.end(1) is Exit.NOT_ALLOWED
    assert len(run.requests) == 1
    assert "who are you; make another one" in run.err.getvalue()
