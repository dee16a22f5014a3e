"""Posting random orders at a pace, and adding up what came of them."""

import asyncio
import time
import uuid
from collections import Counter, deque

import httpx
import msgspec

from phalanx.cli.display.screen import Screen
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.moments import clock_now
from phalanx.cli.process.stopping import stop_on_signals, wait_for
from phalanx.cli.producing.random_orders import RandomOrders, SignalBody
from phalanx.cli.remote.answers import SignalAnswer
from phalanx.cli.remote.client import refusal, unreachable
from phalanx.cli.remote.documents import decode_as
from phalanx.cli.remote.identity import Identity
from phalanx.cli.remote.trust import authority
from phalanx.domain.latency import percentile as nearest_rank

TIMES_KEPT = 100_000
"""Round trips remembered for the summary's percentiles: the latest ones."""
RETRY_AFTER_S_MAX = 5.0
OVERLOADED = 503


class Pace:
    """When the next order is due: every ``interval_s``, at most ``count`` of them."""

    def __init__(self, interval_s: float, count: int | None) -> None:
        self._interval_s = interval_s
        self._left = count
        self._due: float | None = None

    def take(self, now: float) -> float | None:
        """Seconds until the caller's turn, or None when there are no more. Late turns are not made up."""
        if self._left is not None:
            if self._left <= 0:
                return None
            self._left -= 1
        due = now if self._due is None else max(now, self._due)
        self._due = due + self._interval_s
        return due - now


class Production:
    """A run of `produce`: some workers, one pace, one summary."""

    def __init__(
        self,
        url: str,
        timeout_s: float,
        orders: RandomOrders,
        pace: Pace,
        screen: Screen,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        identity: Identity | None = None,
    ) -> None:
        self._url = url
        self._identity = identity or Identity()
        self._timeout_s = timeout_s
        self._orders = orders
        self._pace = pace
        self._screen = screen
        self._transport = transport
        self._counts: Counter[str] = Counter()
        self._times_ns: deque[int] = deque(maxlen=TIMES_KEPT)
        self._ended_by: Failure | None = None
        self._reader_gone: BrokenPipeError | None = None

    async def run(self, concurrency: int) -> Exit:
        """Post until the pace or a signal says stop; prints the summary and returns how it went.

        Raises BrokenPipeError when whoever read the lines has gone; no more is posted then.
        """
        stop = stop_on_signals()
        began = time.monotonic()
        limits = httpx.Limits(max_connections=concurrency)
        timeout = httpx.Timeout(self._timeout_s)
        async with (
            httpx.AsyncClient(
                base_url=self._url,
                timeout=timeout,
                limits=limits,
                transport=self._transport,
                auth=self._identity,
                verify=authority() or True,
                trust_env=False,
            ) as http,
            asyncio.TaskGroup() as workers,
        ):
            for _ in range(concurrency):
                workers.create_task(self._work(http, stop))
        if self._reader_gone is not None:
            raise self._reader_gone
        self._summary(time.monotonic() - began)
        if self._ended_by is not None:
            self._screen.failure(self._ended_by)
        return self._exit_code()

    async def _work(self, http: httpx.AsyncClient, stop: asyncio.Event) -> None:
        while not stop.is_set():
            pause_s = self._pace.take(time.monotonic())
            if pause_s is None or await wait_for(stop, pause_s):
                return
            try:
                await self._post(http, stop)
            except Failure as failure:
                self._ended_by = self._ended_by or failure
                stop.set()
            except BrokenPipeError as error:
                # `produce | head`: raised when all workers are done, not in a group of errors.
                self._reader_gone = error
                stop.set()

    async def _post(self, http: httpx.AsyncClient, stop: asyncio.Event) -> None:
        """Post one order. Raises Failure when going on makes no sense."""
        body = self._orders.next()
        key = uuid.uuid4().hex
        headers = {"idempotency-key": key, "content-type": "application/json"}
        began = time.monotonic_ns()
        try:
            answer = await http.post(
                "/create_order", content=msgspec.json.encode(body), headers=headers
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable(self._url, error) from None
        except httpx.HTTPError as error:
            self._unknown(body, key, str(error) or type(error).__name__)
            return
        took_ns = time.monotonic_ns() - began
        if answer.status_code == httpx.codes.OK:
            self._answered(body, decode_as(answer.content, SignalAnswer), took_ns)
            return
        await self._refused(body, key, answer, stop)

    def _answered(self, body: SignalBody, answer: SignalAnswer, took_ns: int) -> None:
        self._counts[answer.response] += 1
        self._times_ns.append(took_ns)
        line: dict[str, object] = {
            "result": answer.response,
            "accepted": answer.accepted,
            "accounts": len(answer.outcomes),
            "reason": answer.reason,
            "instruction_id": answer.instruction_id,
            "took_ns": took_ns,
        }
        why = f"  {answer.message or answer.reason}" if answer.reason else ""
        self._line(
            body,
            line,
            f"{answer.response}  {answer.accepted} of {len(answer.outcomes)} accounts"
            f"  {took_ns / 1e6:.2f} ms{why}",
        )

    async def _refused(
        self, body: SignalBody, key: str, answer: httpx.Response, stop: asyncio.Event
    ) -> None:
        failure = refusal(answer, self._identity.advice)
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR and (
            answer.status_code != OVERLOADED
        ):
            self._unknown(body, key, failure.detail)
            return
        if failure.exit_code is Exit.NOT_ALLOWED:
            raise failure
        self._counts["FAILED"] += 1
        line: dict[str, object] = {"result": "FAILED", "code": failure.code}
        self._line(body, line, f"FAILED  {failure.detail} [{failure.code}]")
        if answer.status_code in {OVERLOADED, httpx.codes.TOO_MANY_REQUESTS}:
            await wait_for(stop, _retry_after_s(answer))

    def _unknown(self, body: SignalBody, key: str, what: str) -> None:
        self._counts["UNKNOWN"] += 1
        line: dict[str, object] = {"result": "UNKNOWN", "idempotency_key": key}
        self._line(body, line, f"UNKNOWN  no answer ({what}); Idempotency-Key {key}")

    def _line(self, body: SignalBody, facts: dict[str, object], text: str) -> None:
        if self._screen.as_json:
            self._screen.document({**body, **facts})
            return
        what = f"{body['STRATEGY']} {body['POSITION']} {body['INSTRUMENT']}"
        self._screen.say(f"{clock_now()}  {what}  {text}")

    def _summary(self, seconds: float) -> None:
        counts = self._counts
        sent = counts.total()
        times = sorted(self._times_ns)
        p50, p99 = percentile(times, 50), percentile(times, 99)
        if self._screen.as_json:
            self._screen.document(
                {
                    "sent": sent,
                    **{name.lower(): counts[name] for name in _RESULTS},
                    "duration_ns": int(seconds * 1e9),
                    "p50_ns": p50,
                    "p99_ns": p99,
                }
            )
            return
        parts = ", ".join(f"{counts[name]} {name.lower()}" for name in _RESULTS if counts[name])
        rate = sent / seconds if seconds > 0 else 0.0
        self._screen.say(
            f"{sent} sent in {seconds:.1f} s ({rate:.1f}/s): {parts or 'nothing'}; "
            f"round trip p50 {p50 / 1e6:.2f} ms, p99 {p99 / 1e6:.2f} ms"
        )

    def _exit_code(self) -> Exit:
        if self._ended_by is not None:
            return self._ended_by.exit_code
        if self._counts["UNKNOWN"]:
            return Exit.UNKNOWN
        if self._counts["FAILED"]:
            return Exit.PARTIAL if self._times_ns else Exit.FAILURE
        return Exit.OK


_RESULTS = ("ACCEPTED", "REJECTED", "FAILED", "UNKNOWN")


def percentile(sorted_values: list[int], percent: int) -> int:
    """The value that ``percent`` of the values do not exceed; 0 when there are none."""
    return nearest_rank(sorted_values, percent) if sorted_values else 0


def _retry_after_s(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "1")
    return min(RETRY_AFTER_S_MAX, float(text)) if text.isdigit() else 1.0
