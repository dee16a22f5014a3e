"""What lies between sessions and an exchange, and everything that goes wrong there, by a seeded plan.

It belongs to no process: what was written goes on its way when the writer is dead. Requests and
answers of one session may overtake each other, as on several connections; reports come in order, as
on one, unless a fault says otherwise. Every fault that happened is counted by its kind.
"""

import random
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, TypeAlias

import msgspec

from phalanx.brokers.outcome import Reply
from phalanx.brokers.port import CancelRequest, PlaceRequest, ReplaceRequest
from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.numbers import BASIS_POINTS
from phalanx.domain.orders import ExecutionReport
from phalanx.domain.time import MILLISECOND, Nanoseconds
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.loop import Process, VirtualLoop

Request: TypeAlias = PlaceRequest | CancelRequest | ReplaceRequest
Answer: TypeAlias = Callable[[Reply | None], None]
"""Hears what came back; None: something, but not an answer that anybody could read."""
Reading: TypeAlias = Callable[[BrokerBook | OSError], None]

KEPT_MAX = 10_000
"""So many reports wait for a session, where the broker keeps them; older ones are dropped."""

STALE_MAX = 2
"""So many readings in a row may lag: one less than the stub brokers declare that it takes to prove."""

LIMITED = "429"
UNAUTHORIZED = "401"
ERRORS = ("400", "500", "502", "503")
"""What a server says before or after it took a request: no proof of anything."""


class Fault(StrEnum):
    """What goes wrong. The first are drawn for each request, the next for each report or reading."""

    UNREACHABLE = "unreachable"
    """No connection for this request: not a byte leaves."""
    REQUEST_LOST = "request_lost"
    REQUEST_LATE = "request_late"
    ERROR_INSTEAD = "error_instead"
    """An undeclared 4xx or 5xx, and the exchange never saw it."""
    ERROR_AFTER = "error_after"
    """An undeclared 4xx or 5xx after the exchange did as it was told."""
    GARBAGE_AFTER = "garbage_after"
    LIMITED = "limited"
    """429, declared: not taken."""
    TOKEN_DEATH = "token_death"  # noqa: S105  no secret
    """The session's token is not valid any more, for this and every later request."""
    ANSWER_LOST = "answer_lost"
    ANSWER_LATE = "answer_late"
    RESET = "reset"
    """The connection of every session breaks."""
    RESTART = "restart"
    """The broker is away for a while."""
    REPORT_LOST = "report_lost"
    REPORT_TWICE = "report_twice"
    REPORT_LATE = "report_late"
    """Later ones overtake it."""
    BOOK_FAILED = "book_failed"
    BOOK_LOST = "book_lost"
    """No answer at all to a reading."""
    BOOK_SLOW = "book_slow"
    """Its orders are read first, and the rest of it much later."""
    BOOK_STALE = "book_stale"
    """As it was when it was last read, under the time of now; never more often than `STALE_MAX` in a row."""
    BOOK_INCOMPLETE = "book_incomplete"
    """A trade is missing that its order counts."""


class Rates(msgspec.Struct, frozen=True):
    """How often each fault happens, in basis points, and how long things take, in milliseconds."""

    unreachable_bps: int = 0
    request_lost_bps: int = 0
    request_late_bps: int = 0
    error_instead_bps: int = 0
    error_after_bps: int = 0
    garbage_after_bps: int = 0
    limited_bps: int = 0
    token_death_bps: int = 0
    answer_lost_bps: int = 0
    answer_late_bps: int = 0
    reset_bps: int = 0
    restart_bps: int = 0
    report_lost_bps: int = 0
    report_twice_bps: int = 0
    report_late_bps: int = 0
    book_failed_bps: int = 0
    book_lost_bps: int = 0
    book_slow_bps: int = 0
    book_stale_bps: int = 0
    book_incomplete_bps: int = 0
    latency_ms: tuple[int, int] = (0, 5)
    """One way, usually."""
    request_late_ms_max: int = 19_000
    answer_late_ms_max: int = 10_000
    report_late_ms_max: int = 5_000
    book_slow_ms_max: int = 5_000
    restart_ms_max: int = 3_000


class Session(Protocol):
    """A process's end of the line."""

    process: Process
    token: int

    def hear(self, report: ExecutionReport) -> None:
        """A report arrives."""
        ...

    def cut(self, why: str) -> None:
        """The connection is gone."""
        ...

    def has_read(self, account: AccountId) -> bool:
        """Whether the account's book came over it since it is up."""
        ...


class Network:
    """Everything between the sessions and one exchange.

    ``on_write`` hears of each request as soon as the kernel of a process took it, before anything
    else happens; it may kill that process. ``faults`` may be shared by several networks.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        exchange: StubExchange,
        seed: int | str = 0,
        rates: Rates = Rates(),  # noqa: B008  frozen
        faults: Counter[str] | None = None,
    ) -> None:
        self.exchange = exchange
        self._shares: dict[Fault, int] = {}
        self.rates = rates
        self.faults: Counter[str] = Counter() if faults is None else faults
        self.on_write: Callable[[Request, Session], None] = lambda _request, _session: None
        self.is_up = True
        self._loop = loop
        self._chance = random.Random(seed)
        self._token = 0
        self._sessions: dict[Session, Nanoseconds] = {}
        """Those that are connected, each with when its latest report arrives."""
        self._keeps_reports = False
        self._kept: list[ExecutionReport] = []
        self._read_before: dict[AccountId, tuple[BrokerBook, int]] = {}
        """What was read last, and how often in a row it was shown again since."""
        self._lagging: set[AccountId] = set()
        """Of these the next reading shows once more what the one before showed."""
        exchange.listeners.append(self._report)

    @property
    def rates(self) -> Rates:
        """How often what goes wrong from now on."""
        return self._rates

    @rates.setter
    def rates(self, rates: Rates) -> None:
        self._rates = rates
        shares = ((fault, getattr(rates, f"{fault}_bps")) for fault in Fault)
        self._shares = {fault: share for fault, share in shares if share}

    # --- sessions --------------------------------------------------------------------------------

    def login(self, session: Session, done: Callable[[int | None], None]) -> None:
        """Ask for a token and a connection; ``done`` hears the token, or None where nobody answers."""
        self._later(self._log_in, session, done)

    def leave(self, session: Session) -> None:
        """The session closes its connection."""
        self._sessions.pop(session, None)

    def reset(self, why: str = "the connection was reset") -> None:
        """Break every connection: what is on its way to a session is lost."""
        self.faults[Fault.RESET] += 1
        self._cut(why)

    def restart(self, away_ms: int, *, keep_reports: bool = False) -> None:
        """The broker goes away and comes back; what arrives meanwhile is lost.

        ``keep_reports``: what it reports until a session is there again waits for that one.
        """
        self.faults[Fault.RESTART] += 1
        self.is_up = False
        self._keeps_reports = keep_reports
        self._cut("the broker is away")
        when_ns = self._loop.elapsed_ns + away_ms * MILLISECOND
        self._loop.at(when_ns, self._come_back, context=self._loop.outside.context)

    def kill_token(self) -> None:
        """Every session has to log in again; it learns that from its next request."""
        self.faults[Fault.TOKEN_DEATH] += 1
        self._token += 1

    def lag(self, account: AccountId) -> None:
        """The next reading of the account shows once more what the one before showed."""
        self._lagging.add(account)

    # --- requests --------------------------------------------------------------------------------

    def connects(self) -> bool:
        """Whether there is a connection for one more request."""
        return not self._happens(Fault.UNREACHABLE)

    def send(self, session: Session, request: Request, answer: Answer) -> None:
        """The kernel took a request: from here on it is out of its writer's hands."""
        self.on_write(request, session)
        if session not in self._sessions:
            return
        if self._happens(Fault.REQUEST_LOST):
            return
        late_ms = self._lateness(Fault.REQUEST_LATE, self.rates.request_late_ms_max)
        self._later(self._arrive, session, session.token, request, answer, delay_ms=late_ms)
        if self._happens(Fault.RESET):
            self._later(self._cut, "the connection was reset")
        if self._happens(Fault.RESTART):
            self.faults[Fault.RESTART] -= 1
            self._later(self.restart, self._up_to(self.rates.restart_ms_max))

    def _arrive(self, session: Session, token: int, request: Request, answer: Answer) -> None:
        if not self.is_up:
            return
        reply = self._treat(session, token, request)
        if self._happens(Fault.ANSWER_LOST):
            return
        late_ms = self._lateness(Fault.ANSWER_LATE, self.rates.answer_late_ms_max)
        self._deliver(session, self._latency_ns() + late_ms * MILLISECOND, answer, reply)

    def _treat(self, session: Session, token: int, request: Request) -> Reply | None:
        """What the broker's front makes of it, and the exchange, where it gets that far."""
        if self._happens(Fault.TOKEN_DEATH):
            self._token += 1
        if token != self._token:
            return Reply(accepted=False, code=UNAUTHORIZED, text="log in again")
        if self._happens(Fault.LIMITED):
            return Reply(accepted=False, code=LIMITED, text="too many requests")
        if self._happens(Fault.ERROR_INSTEAD):
            return self._error()
        reply = self._execute(session, request)
        if self._happens(Fault.ERROR_AFTER):
            return self._error()
        return None if self._happens(Fault.GARBAGE_AFTER) else reply

    def _execute(self, session: Session, request: Request) -> Reply:
        match request:
            case PlaceRequest():
                return self.exchange.place(request, session.process.name)
            case CancelRequest():
                return self.exchange.cancel(request)
            case ReplaceRequest():
                return self.exchange.replace(request)

    def _error(self) -> Reply:
        return Reply(accepted=False, code=self._chance.choice(ERRORS), text="try again later")

    # --- readings --------------------------------------------------------------------------------

    def read(self, session: Session, account: AccountId, answer: Reading) -> None:
        """Read an account's book."""
        if session in self._sessions and not self._happens(Fault.BOOK_LOST):
            self._later(self._read, session, account, answer)

    def _read(self, session: Session, account: AccountId, answer: Reading) -> None:
        if not self.is_up:
            return
        delay_ns = self._latency_ns()
        if session.token != self._token:
            self._deliver(session, delay_ns, answer, PermissionError("log in again"))
            return
        if self._happens(Fault.BOOK_FAILED):
            self._deliver(session, delay_ns, answer, ConnectionError("the book is not to be had"))
            return
        before, stale = self._read_before.get(account, (None, 0))
        lags = account in self._lagging
        self._lagging.discard(account)
        if before is not None and stale < STALE_MAX and (lags or self._happens(Fault.BOOK_STALE)):
            before = msgspec.structs.replace(before, time=self.exchange.now)
            self._read_before[account] = before, stale + 1
            self._deliver(session, delay_ns, answer, before)
            return
        book = self.exchange.book(account)
        self._read_before[account] = book, 0
        slow_ms = self._lateness(Fault.BOOK_SLOW, self.rates.book_slow_ms_max)
        if slow_ms:
            self._later(self._read_on, session, book, answer, delay_ms=slow_ms)
            return
        self._deliver(session, delay_ns, answer, self._perhaps_cut_short(book))

    def _read_on(self, session: Session, begun: BrokerBook, answer: Reading) -> None:
        """The orders were read a while ago; now the trades, the positions and the cash."""
        book = self.exchange.book(begun.account)
        book = msgspec.structs.replace(book, time=begun.time, orders=begun.orders)
        self._deliver(session, self._latency_ns(), answer, book)

    def _perhaps_cut_short(self, book: BrokerBook) -> BrokerBook:
        if book.trades and self._happens(Fault.BOOK_INCOMPLETE):
            return msgspec.structs.replace(book, trades=book.trades[:-1])
        return book

    # --- reports ---------------------------------------------------------------------------------

    def _report(self, report: ExecutionReport) -> None:
        living = [session for session in self._sessions if session.process.alive]
        if not living and self._keeps_reports:
            self._kept = [*self._kept[1 - KEPT_MAX :], report]
        for session in living:
            self._tell(session, report)

    def _tell(self, session: Session, report: ExecutionReport) -> None:
        if self._happens(Fault.REPORT_LOST):
            return
        now = self._loop.elapsed_ns
        late_ms = self._lateness(Fault.REPORT_LATE, self.rates.report_late_ms_max)
        if late_ms:
            self._deliver(session, late_ms * MILLISECOND, session.hear, report)
        else:
            arrives = max(self._sessions[session], now + self._latency_ns())
            self._sessions[session] = arrives
            self._deliver(session, arrives - now, session.hear, report)
        if self._happens(Fault.REPORT_TWICE):
            again_ns = self._up_to(self.rates.report_late_ms_max) * MILLISECOND
            self._deliver(session, again_ns, session.hear, report)

    # --- inside ----------------------------------------------------------------------------------

    def _log_in(self, session: Session, done: Callable[[int | None], None]) -> None:
        delay_ns = self._latency_ns()
        self._deliver(session, delay_ns, done, self._token if self.is_up else None)
        if not self.is_up:
            return
        # No report comes before the answer to the login.
        self._sessions[session] = self._loop.elapsed_ns + delay_ns
        self._keeps_reports = False
        kept, self._kept = self._kept, []
        for report in kept:
            self._tell(session, report)

    def _cut(self, why: str) -> None:
        sessions, self._sessions = list(self._sessions), {}
        for session in sessions:
            self._deliver(session, 0, session.cut, why)

    def _come_back(self) -> None:
        self.is_up = True

    def _deliver(
        self, session: Session, delay_ns: Nanoseconds, call: Callable[..., None], *what: object
    ) -> None:
        """To a session: in its process, if that lives and runs."""
        when_ns = self._loop.elapsed_ns + delay_ns
        self._loop.at(when_ns, call, *what, context=session.process.context)

    def _later(self, call: Callable[..., None], *what: object, delay_ms: int = 0) -> None:
        """Out here, whoever lives or dies."""
        when_ns = self._loop.elapsed_ns + self._latency_ns() + delay_ms * MILLISECOND
        self._loop.at(when_ns, call, *what, context=self._loop.outside.context)

    def _latency_ns(self) -> Nanoseconds:
        least_ms, most_ms = self.rates.latency_ms
        drawn = self._chance.random() * (most_ms - least_ms)
        return int((least_ms + drawn) * MILLISECOND)

    def _lateness(self, fault: Fault, at_most_ms: int) -> int:
        """How many milliseconds too late, zero mostly."""
        return self._up_to(at_most_ms) if self._happens(fault) else 0

    def _up_to(self, at_most: int) -> int:
        return 1 + int(self._chance.random() * at_most)

    def _happens(self, fault: Fault) -> bool:
        share_bps = self._shares.get(fault)
        if share_bps is not None and self._chance.random() * BASIS_POINTS < share_bps:
            self.faults[fault] += 1
            return True
        return False
