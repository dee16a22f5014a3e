"""Readiness before the open: account by account, what is not well, and how it is put right."""

import asyncio
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from phalanx.api.day import day_text
from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.lists import LIMIT_MAX, Limit, Skip, page
from phalanx.api.policy import READ_OWN
from phalanx.api.reading import Zone
from phalanx.brokers.port import Check
from phalanx.desk.checklist import Checklist, Surroundings
from phalanx.domain.accounts import Account
from phalanx.domain.sessions import Calendar, SessionDay, year_of
from phalanx.engine.day.phases import session_day

PATH = "/api/v1/readiness"
ACCOUNTS_AT_A_TIME = 200
"""Accounts are looked at so many at a time, with a turn for the orders in between."""

ReadinessName: TypeAlias = Literal["READY", "RED"]


class ReadinessQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which accounts; filters are combined with "and"."""

    account: str | None = None
    status: ReadinessName | None = None
    skip: Skip = 0
    limit: Limit = LIMIT_MAX


class ReadinessCheck(msgspec.Struct, frozen=True, gc=False):
    """One thing to look at: what is known of it, and, where it is not ``ok``, what to do about it."""

    check: str
    ok: bool
    detail: str
    fix: str | None


class AccountReadiness(msgspec.Struct, frozen=True, gc=False):
    """An account with its checks. ``status``: READY when all of them are ``ok``, else RED."""

    account: str
    client_id: int
    broker: str
    login: str
    mode: str
    status: ReadinessName
    checks: list[ReadinessCheck]


class ReadinessAnswer(msgspec.Struct, frozen=True):
    """How the accounts are ``now``. ``date`` and ``kind`` are those of the exchange's day. ``total``: accounts
    that the filters leave; ``red``: those of them that are not ready.
    """

    date: str
    now: str
    kind: str
    items: list[AccountReadiness]
    total: int
    red: int
    as_of: int


async def get_readiness(call: Call) -> Answer:
    """The accounts in reach, with their checks."""
    query, desk = call.query(ReadinessQuery), call.desk
    today = session_day(desk.state, desk.calendar or Calendar(), desk.clock.now())
    accounts = [
        one
        for one in desk.state.accounts.values()
        if query.account in (None, one.id) and call.reach.has_whole_account(one.id)
    ]
    rows = await _rows(call, accounts, _checklist(call, today))
    found = [one for one in rows if query.status in (None, one.status)]
    red = sum(one.status == "RED" for one in found)
    seq, now = desk.state.seq, Zone(call).at(desk.clock.now())
    await desk.durable(seq)
    shown = list(page(found, query))
    body = ReadinessAnswer(day_text(today.day), now, today.kind.name, shown, len(found), red, seq)
    return msgspec.structs.replace(answer_json(200, body), headers=(NO_STORE,))


def _checklist(call: Call, today: SessionDay) -> Checklist:
    desk, system = call.desk, call.system
    calendar = desk.calendar or Calendar()
    around = Surroundings(
        desk.clock.now(),
        calendar.knows(year_of(today.day), desk.state.calendar),
        system.settings.quotes,
        system.feed_state,
        len(desk.instruments),
    )
    return Checklist(desk.state, desk.brokers, desk.closed, around)


async def _rows(
    call: Call, accounts: Sequence[Account], checklist: Checklist
) -> list[AccountReadiness]:
    rows: list[AccountReadiness] = []
    for place, account in enumerate(accounts):
        if place and place % ACCOUNTS_AT_A_TIME == 0:
            await asyncio.sleep(0)
        report = call.desk.reconciler.report(account.id)
        rows.append(_row(account, tuple(checklist.checks(account, report))))
    return rows


def _row(account: Account, checks: tuple[Check, ...]) -> AccountReadiness:
    return AccountReadiness(
        account.id,
        account.client_id,
        account.broker,
        account.login,
        account.mode.name,
        "READY" if all(one.ok for one in checks) else "RED",
        [ReadinessCheck(one.check, one.ok, one.detail, one.fix or None) for one in checks],
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        get_readiness,
        "Readiness before the open",
        ReadinessAnswer,
        policy=READ_OWN,
        tag="day",
        about="For each account: its login's token, address, algo id, socket and clock, its books, its funds, "
        "the instruments and prices that its orders go by, whether it is armed (for information) and the "
        "calendar, each with what to do where it is not well. It says what is known, and asks no broker: "
        "`POST /api/v1/reconcile` first has the books read. On paper there is less to check. It stops "
        "nothing by itself.",
        query=ReadinessQuery,
    ),
)
