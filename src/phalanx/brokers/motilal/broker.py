"""The module of Motilal Oswal: the `Broker` port over several logins. It maps and decides nothing."""

import asyncio
from collections.abc import Mapping
from functools import partial

from phalanx.brokers.motilal.books import Client, read_book, read_order
from phalanx.brokers.motilal.codes import MISMATCHES
from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.hearing import Hearing
from phalanx.brokers.motilal.known import KnownOrder, KnownOrders, Terms
from phalanx.brokers.motilal.last_prices import Asker, LastPrices
from phalanx.brokers.motilal.line import Line
from phalanx.brokers.motilal.orders import cancel_body, modify_body, place_body
from phalanx.brokers.motilal.outcomes import Judged
from phalanx.brokers.motilal.ports import Ports
from phalanx.brokers.motilal.readiness import login_checks
from phalanx.brokers.motilal.reports import ErrorFrame, Frame
from phalanx.brokers.motilal.row import BadData
from phalanx.brokers.motilal.session import Session
from phalanx.brokers.motilal.settings import LoginSettings, Route
from phalanx.brokers.motilal.stream import Stream
from phalanx.brokers.motilal.terms import motilal_capabilities
from phalanx.brokers.placing import unsupported
from phalanx.brokers.port import (
    Accepted,
    CancelRequest,
    Check,
    NeverWritten,
    PlaceRequest,
    ReplaceRequest,
    ReportListener,
    SessionListener,
    Ticket,
)
from phalanx.brokers.wire import UNREACHABLE
from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND, Nanoseconds

PATIENCE_S = 3.0
"""``connect`` waits so long for logins that have not been tried yet; they go on beside the others."""

REPLACES_WAITING_MAX = 64
"""Replaces that wait until their order was asked for; what is too much is not written."""


class MotilalBroker:
    """Several logins, investors' and dealers', each with a line of its own.

    ``routes`` says how each account is reached, whenever it is asked; ``prices`` asks all logins in turn.
    """

    def __init__(
        self,
        logins: Mapping[str, LoginSettings],
        routes: Mapping[AccountId, Route],
        ports: Ports,
    ) -> None:
        self.capabilities = motilal_capabilities()
        self._routes = routes
        self._ports = ports
        self._hearing = Hearing(KnownOrders(), ports.last, ports.clock)
        self._lines = {login: self._line(login, settings) for login, settings in logins.items()}
        askers = (
            Asker(line.session, partial(self._asked_for, login))
            for login, line in self._lines.items()
        )
        self.prices = LastPrices(askers, ports.clock.now, ports.last)
        self._clients: dict[tuple[str, str], AccountId] = {}
        self._waiting: dict[asyncio.Task[None], Ticket] = {}
        self._report: ReportListener = lambda _report: None
        self._tell: SessionListener = lambda _account, _why: None
        self._is_connected = False
        self._is_closed = False

    def listen(
        self, listener: ReportListener, sessions: SessionListener = lambda _account, _why: None
    ) -> None:
        """See `Broker.listen`."""
        self._report = listener
        self._tell = sessions

    async def connect(self) -> None:
        """Log in everywhere and open the accounts' connections. Never raises: a login that fails says so
        for its accounts, goes on trying by itself, and delays no other.
        """
        tried = [line.session.start() for line in self._lines.values()]
        if tried:
            await asyncio.wait(tried, timeout=PATIENCE_S)
        up = {login: line for login, line in self._lines.items() if line.session.tokens}
        await asyncio.gather(*(line.warm(self._accounts(login)) for login, line in up.items()))
        self._is_connected = True
        for login, line in self._lines.items():
            if not line.session.tokens:
                self._changed(login, line.session.why)

    async def close(self) -> None:
        """Stop. What is not answered by now is Unknown before this returns; after it, nothing."""
        self._is_closed = True
        waiting, self._waiting = self._waiting, {}
        for task, ticket in waiting.items():
            task.cancel()
            ticket.done(UNREACHABLE)
        for line in self._lines.values():
            line.close()
        await asyncio.gather(*(line.session.close() for line in self._lines.values()))

    def place(self, request: PlaceRequest, ticket: Ticket) -> None:
        """See `Broker.place`."""
        line, route = self._way(request.account)
        reason = unsupported(request, self.capabilities)
        instrument = self._ports.instruments(request.instrument)
        if reason is None and instrument is None:
            reason = Reason(ReasonCode.UNKNOWN_INSTRUMENT, (request.instrument,))
        if reason is not None or instrument is None or line is None:
            ticket.done(UNREACHABLE if reason is None else NeverWritten(reason))
            return
        body = place_body(request, instrument, line.settings.algo_id, route.client_code)
        if isinstance(body, Reason):
            ticket.done(NeverWritten(body))
            return
        judged = partial(self._placed, request)
        line.send(Path.PLACE, body, request.account, ticket, judged, urgent=request.reduce_only)

    def cancel(self, request: CancelRequest, ticket: Ticket) -> None:
        """See `Broker.cancel`. An order whose id nobody was told is called back without one: that the broker
        refuses it is an answer.
        """
        line, route = self._way(request.account)
        order_id = request.order_id or self._hearing.known.order_id(request.cl_ord_id)
        if line is None:
            ticket.done(UNREACHABLE)
            return
        body = cancel_body(order_id, route.client_code)
        line.send(
            Path.CANCEL,
            body,
            request.account,
            ticket,
            _nothing,
            order_id=order_id,
            urgent=True,
        )

    def replace(self, request: ReplaceRequest, ticket: Ticket) -> None:
        """See `Broker.replace`. An order that was not seen since it was taken is asked for before."""
        line, route = self._way(request.account)
        known = self._hearing.known.get(request.order_id, request.account)
        if line is None or not request.order_id or line.session.tokens is None:
            ticket.done(UNREACHABLE)
        elif known is not None and known.terms is not None:
            self._modify(line, route, request, known, ticket)
        elif len(self._waiting) >= REPLACES_WAITING_MAX or self._is_closed:
            ticket.done(UNREACHABLE)
        else:
            task = asyncio.create_task(self._replace(line, route, request), name="motilal replace")
            self._waiting[task] = ticket

    async def book(self, account: AccountId) -> BrokerBook:
        """See `Broker.book`. The books of a login are read one after the other, at its pace."""
        line, route = self._way(account)
        if line is None:
            raise ConnectionError(
                f"account {account} has no login here, or its client code does not fit it"
            )
        async with line.reading:
            client = self._client(line, route)
            reading = await read_book(
                line.session.ask, client, self._ports.clock.now(), self._ports.last
            )
        self._hearing.take(reading)
        return reading.book

    def egress(self, login: str) -> str:
        """See `TellsEgress.egress`."""
        line = self._lines.get(login)
        return "" if line is None else line.settings.source

    def checks(self, login: str) -> tuple[Check, ...]:
        """See `TellsReadiness.checks`."""
        return login_checks(login, self._lines.get(login))

    def put_off(self, *, wait: bool) -> None:
        """See `PutsAnswersOff.put_off`."""
        for line in self._lines.values():
            line.dialer.unread_answers.wait = wait

    @property
    def behind_ns(self) -> Nanoseconds:
        """See `TellsLate.behind_ns`."""
        behind = (line.dialer.unread_answers.behind_s for line in self._lines.values())
        return round(max(behind, default=0) * SECOND)

    # --- requests ------------------------------------------------------------------------------------

    async def _replace(self, line: Line, route: Route, request: ReplaceRequest) -> None:
        known: KnownOrder | None = None
        try:
            order, terms = await read_order(
                line.session.ask, self._client(line, route), request.order_id
            )
            known = self._hearing.known.seen(order, terms)
        except OSError:
            pass
        task = asyncio.current_task()
        ticket = self._waiting.pop(task, None) if task is not None else None
        if ticket is None:
            return
        if known is None:
            ticket.done(UNREACHABLE)
        else:
            self._modify(line, route, request, known, ticket)

    def _modify(
        self, line: Line, route: Route, request: ReplaceRequest, known: KnownOrder, ticket: Ticket
    ) -> None:
        instrument = self._ports.instruments(known.instrument)
        if instrument is None or known.terms is None:
            reason = Reason(ReasonCode.UNKNOWN_INSTRUMENT, (known.instrument,))
            ticket.done(NeverWritten(reason))
            return
        body = modify_body(request, known.terms, instrument.lot_size, route.client_code)
        if isinstance(body, Reason):
            ticket.done(NeverWritten(body))
            return
        known.told = known.terms
        line.send(
            Path.MODIFY,
            body,
            request.account,
            ticket,
            partial(self._modified, known, known.terms),
            order_id=request.order_id,
        )

    def _placed(self, request: PlaceRequest, judged: Judged) -> None:
        if isinstance(judged.outcome, Accepted):
            order_id, tag = judged.outcome.order_id, request.cl_ord_id
            self._hearing.known.accepted(order_id, request.account, tag)

    def _modified(self, known: KnownOrder, sent: Terms, judged: Judged) -> None:
        """Taken, or refused as out of date: what it was made from does not hold any more."""
        is_over = isinstance(judged.outcome, Accepted) or judged.code in MISMATCHES
        if is_over and known.terms is sent:
            known.terms = None

    # --- logins --------------------------------------------------------------------------------------

    def _line(self, login: str, settings: LoginSettings) -> Line:
        ports = self._ports
        reach = ports.reach(settings)
        heard, missed = partial(self._hear, login), partial(self._missed, login)
        session = Session(
            settings,
            partial(ports.credentials, login),
            reach.post,
            Stream(reach.open_channel, ports.timer, heard, missed),
            ports.clock,
            ports.timer,
            partial(self._changed, login),
        )
        session.ask_code = None if ports.ask_code is None else ports.ask_code(login)
        return Line(settings, reach.dialer, session, self.capabilities, ports.clock)

    def _way(self, account: AccountId) -> tuple[Line | None, Route]:
        """With the code that requests name. No line for an account without a login, nor for one whose code
        does not fit its login.
        """
        route = self._routes.get(account) or Route(account, "")
        line = self._lines.get(route.login)
        if line is None:
            return None, route
        credentials = line.session.credentials
        user = "" if credentials is None else credentials.user
        asked = route.asked(dealer=line.settings.dealer, user=user)
        if asked is None:
            return None, route
        return line, Route(account, route.login, asked, route.trades)

    def _accounts(self, login: str) -> list[AccountId]:
        """Those that trade through it."""
        routes = tuple(self._routes.values())
        return [route.account for route in routes if route.trades and route.login == login]

    def _asked_for(self, login: str) -> str | None:
        """See `Asker.client`."""
        if not self._lines[login].settings.dealer:
            return ""
        routes = self._routes.values()
        return next(
            (one.client_code for one in routes if one.login == login and one.client_code), None
        )

    def _client(self, line: Line, route: Route) -> Client:
        return Client(route.account, self._code(line, route), route.client_code)

    def _code(self, line: Line, route: Route) -> str:
        credentials = line.session.credentials
        return route.client_code or ("" if credentials is None else credentials.user)

    # --- what is heard -------------------------------------------------------------------------------

    def _changed(self, login: str, why: str) -> None:
        """The session went down, with why, or it is up."""
        if self._is_closed:
            return
        self._lines[login].changed()
        self._tell_all(login, why)

    def _missed(self, login: str) -> None:
        if self._lines[login].session.tokens is not None:
            self._tell_all(login, "")

    def _tell_all(self, login: str, why: str) -> None:
        if self._is_connected and not self._is_closed:
            for account in self._accounts(login):
                self._tell(account, why)

    def _hear(self, login: str, frame: Frame) -> None:
        if self._is_closed or isinstance(frame, ErrorFrame):
            return
        account = self._account(login, frame.client)
        if account is None:
            return
        try:
            reports = self._hearing.reports(frame, account)
        except BadData:
            # It says something about this account, and nobody can say what: its book will.
            self._tell(account, "")
            return
        for report in reports:
            self._report(report)

    def _account(self, login: str, client: str) -> AccountId | None:
        """Whose a frame is; None for a client of the login's that is none of ours."""
        line = self._lines[login]
        account = self._clients.get((login, client))
        route = self._routes.get(account) if account is not None else None
        is_its = route is not None and route.trades and route.login == login
        if route is None or not is_its or self._code(line, route).upper() != client:
            self._clients = {
                (found.login, self._code(self._lines[found.login], found).upper()): found.account
                for found in tuple(self._routes.values())
                if found.trades and found.login in self._lines
            }
            account = self._clients.get((login, client))
        return account


def _nothing(_judged: Judged) -> None:
    """A cancel's answer teaches nothing: the cancel itself comes as a report."""
