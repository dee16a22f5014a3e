"""Accounts: at which broker, their cash, how paper treats them, and what of that may be changed."""

import re

import msgspec
from msgspec import UNSET

from phalanx.api import examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name, not_negative
from phalanx.api.lists import PageQuery, page
from phalanx.api.policy import MANAGE, READ_OWN
from phalanx.api.problems import Problem
from phalanx.api.reach import EVERYTHING
from phalanx.api.shapes import AccountChange, LivePlaceChange, NewAccount, RateLimitChange
from phalanx.desk.desk import Desk
from phalanx.domain.accounts import (
    Account,
    FillProfile,
    LivePlace,
    Mode,
    RateLimit,
    new_account_id,
)
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import AccountPut
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import format_fixed
from phalanx.domain.time import iso
from phalanx.engine.commands import PutReference
from phalanx.engine.state import State

PATH = "/api/v1/accounts"
_change: Body[AccountChange] = Body(AccountChange)
_new_account: Body[NewAccount] = Body(NewAccount)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

PROMISES = {
    BrokerKind.REFUSES_DUPLICATES: "a used tag is refused for ever: no order is ever placed twice",
    BrokerKind.LOOK_UP: "orders are found by their tags: doubt is settled by reading its books",
    BrokerKind.NO_TAG: "it keeps no tags: one order at a time of an instrument and side, and a person "
    "settles doubt",
}
"""What we can promise at a broker of each kind."""


class FillProfileAnswer(msgspec.Struct, frozen=True):
    """How the paper broker treats an account's orders."""

    ack_delay_ms: int
    fill_duration_ms: int
    filled_bps: int
    slices: int
    slippage_bps: int
    reject_bps: int
    seed: int
    lost_ack_bps: int
    duplicate_report_bps: int
    dropped_socket_bps: int


class RateLimitAnswer(msgspec.Struct, frozen=True):
    """How many requests a broker gets; a ``count`` of 0 is no limit."""

    count: int
    window_ms: int
    reserved: int


class LivePlaceAnswer(msgspec.Struct, frozen=True):
    """Where an account trades once it is live."""

    broker: str
    login: str
    client_code: str


class AccountTerms(msgspec.Struct, frozen=True):
    """What an account is and how it is treated. ``broker_kind``: D, L or N, and what we can promise there
    (``promise``); null where no such broker is connected. ``live``: where it trades once it is switched to
    live; null: nowhere.
    """

    account: str
    client_id: int
    client: str
    broker: str
    broker_kind: str | None
    promise: str | None
    login: str
    mode: str
    live: LivePlaceAnswer | None
    enabled: bool
    primary: bool
    currency: str
    charge_bps: int
    reserve: str
    fill_profile: FillProfileAnswer
    rate_limit: RateLimitAnswer


class LastReading(msgspec.Struct, frozen=True):
    """How the last try to read the account's book at its broker ended: MATCHED, BREAKS, UNREAD or NEVER."""

    status: str
    at: str | None
    why: str | None


class AccountAnswer(AccountTerms, frozen=True, kw_only=True):
    """An account with the cash of the book that new instructions go to. ``closed_because``: why it is not
    ``open`` and takes no instructions now. ``armed_until``: of a live account that a person armed.
    """

    cash: str
    holds: str
    available: str
    open_orders: int
    orders_today: int
    open: bool
    closed_because: str | None
    reconciliation: LastReading
    armed_until: str | None
    armed_by: str | None


class AccountList(msgspec.Struct, frozen=True):
    """Accounts, oldest first."""

    items: list[AccountAnswer]
    total: int
    as_of: int


async def list_accounts(call: Call) -> Answer:
    """All accounts, a page of them at a time."""
    query = call.query(PageQuery)
    desk, reach = call.desk, call.reach
    found = list(desk.state.accounts.values())
    if reach is not EVERYTHING:
        found = [account for account in found if reach.has_whole_account(account.id)]

    def body(seq: int) -> AccountList:
        return AccountList([_shown(desk, a) for a in page(found, query)], len(found), seq)

    return await call.as_of(body)


async def get_account(call: Call) -> Answer:
    """One account."""
    desk, account_id = call.desk, call.path("account_id")
    if not call.reach.has_whole_account(account_id):
        raise _unknown(account_id)
    account = _find(desk, account_id)
    return await call.as_of(lambda _: _shown(desk, account))


async def post_account(call: Call) -> Answer:
    """Another account of a client. One that is not on paper is open once its book was read."""
    body = call.decode(_new_account)
    desk, state = call.desk, call.desk.state
    asked = _asked(body)
    cash = 0 if body.cash is UNSET else not_negative(body.cash, "cash")
    origin = call.origin(DoorName.ACCOUNTS, "new", asked, cash)
    account = asked
    if not call.is_repeat(origin):
        # Nothing is awaited between choosing the name and deciding: nobody else can take it.
        account = _named(asked, state)
        _check_broker(desk, account)
    executed = await desk.execute(
        PutReference(
            origin,
            accounts=(account,),
            cash=((account.book, cash, "opening cash"),) if cash else (),
        )
    )
    event = executed.events[0]
    assert isinstance(event, AccountPut), f"{type(event).__name__} is no account"
    return answer_json(201, _terms(desk, event.account), executed)


async def patch_account(call: Call) -> Answer:
    """Change how an account is treated. Answers its terms, not its cash."""
    desk = call.desk
    account = _find(desk, call.path("account_id"))
    body = call.decode(_change)
    changes = _set_fields(body)
    if not changes:
        raise Problem("NOTHING_TO_CHANGE", "name at least one field")
    changes |= _read_fields(body)
    origin = call.origin(DoorName.ACCOUNTS, account.id, changes)
    if "broker" in changes and changes["broker"] != account.broker:
        changes.setdefault("login", changes["broker"])
    if body.fill_profile is not UNSET:
        profile = msgspec.structs.replace(account.fill_profile, **_set_fields(body.fill_profile))
        changes["fill_profile"] = profile
    if body.rate_limit is not UNSET:
        changes["rate_limit"] = _rate_limit(account.rate_limit, body.rate_limit)
    wanted = msgspec.structs.replace(account, **changes)
    if wanted.broker != account.broker and not call.is_repeat(origin):
        _check_broker(desk, wanted)
    executed = await desk.execute(PutReference(origin, accounts=(wanted,)))
    for event in executed.events:
        assert isinstance(event, AccountPut), f"{type(event).__name__} is no account"
        wanted = event.account
    return answer_json(200, _terms(desk, wanted), executed)


def _asked(body: NewAccount) -> Account:
    """The account that a body asks for, perhaps without its name. Raises Problem as ``name`` does, and
    ``INVALID_TEXT`` for a name that not everything takes which an account's name goes through.
    """
    broker = name(body.broker, "broker")
    called = "" if body.account is UNSET else name(body.account, "account")
    if called and _NAME.fullmatch(called) is None:
        detail = "an account is named with at most 64 letters, digits, dots, dashes or underlines"
        raise Problem("INVALID_TEXT", detail, field="account")
    login = broker if body.login is UNSET else name(body.login, "login")
    mode = Mode.PAPER if body.mode is UNSET else Mode[body.mode.upper()]
    if mode is Mode.LIVE:
        code = "" if body.client_code is UNSET else name(body.client_code, "client_code")
        live = LivePlace(broker, login, code)
        return Account(called, body.client, broker, login, mode, live=live)
    if body.client_code is not UNSET:
        detail = "an account on paper has one in `live`: where it trades once it is switched"
        raise Problem("INVALID_VALUE", detail, field="client_code")
    return Account(called, body.client, broker, login, mode)


def _named(asked: Account, state: State) -> Account:
    """With a name that is free; its client's primary account if there is no other.

    Raises Problem ``UNKNOWN_CLIENT``, ``ACCOUNT_EXISTS``.
    """
    if asked.client_id not in state.clients:
        raise Problem("UNKNOWN_CLIENT", f"no client {asked.client_id}", field="client")
    if asked.id in state.accounts:
        detail = f"there is an account {asked.id} already"
        raise Problem("ACCOUNT_EXISTS", detail, field="account")
    called = asked.id or new_account_id(asked.broker, asked.client_id, state.accounts)
    primary = asked.client_id not in state.primary_accounts
    return msgspec.structs.replace(asked, id=called, primary=primary)


def _check_broker(desk: Desk, account: Account) -> None:
    """Raises Problem ``UNKNOWN_BROKER``, ``MODE_NOT_SUPPORTED``."""
    capabilities = desk.capabilities.get(account.broker)
    if capabilities is None:
        detail = f"no broker {account.broker} is connected; there is {', '.join(desk.capabilities)}"
        raise Problem("UNKNOWN_BROKER", detail, field="broker")
    if account.mode not in capabilities.modes:
        detail = f"broker {account.broker} has no {account.mode.name.lower()} accounts"
        raise Problem("MODE_NOT_SUPPORTED", detail, field="mode")


def _find(desk: Desk, account_id: str) -> Account:
    account = desk.state.accounts.get(account_id)
    if account is None:
        raise _unknown(account_id)
    return account


def _unknown(account_id: str) -> Problem:
    return Problem("NOT_FOUND", f"no account {account_id}")


def _set_fields(change: msgspec.Struct) -> dict[str, object]:
    return {
        field: value
        for field, value in msgspec.structs.asdict(change).items()
        if value is not UNSET
    }


def _read_fields(body: AccountChange) -> dict[str, object]:
    """Those that have to be read first. Raises Problem as ``name`` and ``not_negative`` do."""
    read: dict[str, object] = {}
    if body.reserve is not UNSET:
        read["reserve"] = not_negative(body.reserve, "reserve")
    if body.broker is not UNSET:
        read["broker"] = name(body.broker, "broker")
    if body.login is not UNSET:
        read["login"] = name(body.login, "login")
    if body.live is not UNSET:
        read["live"] = _live_place(body.live)
    return read


def _live_place(asked: LivePlaceChange) -> LivePlace:
    code = "" if asked.client_code is UNSET else name(asked.client_code, "live.client_code")
    return LivePlace(name(asked.broker, "live.broker"), name(asked.login, "live.login"), code)


def _rate_limit(before: RateLimit, change: RateLimitChange) -> RateLimit:
    """Raises Problem INVALID_VALUE when nothing would be left for what is no exit."""
    limit = msgspec.structs.replace(before, **_set_fields(change))
    if limit.reserved and limit.reserved >= limit.count:
        detail = f"must be below count, which is {limit.count}"
        raise Problem("INVALID_VALUE", detail, field="rate_limit.reserved")
    return limit


def _terms(desk: Desk, account: Account) -> AccountTerms:
    capabilities = desk.capabilities.get(account.broker)
    kind = None if capabilities is None else capabilities.kind
    return AccountTerms(
        account.id,
        account.client_id,
        desk.state.clients[account.client_id].name,
        account.broker,
        None if kind is None else kind.value,
        None if kind is None else PROMISES[kind],
        account.login,
        account.mode.name,
        LivePlaceAnswer(*msgspec.structs.astuple(account.live)) if account.live.broker else None,
        account.enabled,
        account.primary,
        account.currency,
        account.charge_bps,
        format_fixed(account.reserve),
        _profile(account.fill_profile),
        RateLimitAnswer(*msgspec.structs.astuple(account.rate_limit)),
    )


def _profile(profile: FillProfile) -> FillProfileAnswer:
    return FillProfileAnswer(*msgspec.structs.astuple(profile))


def _shown(desk: Desk, account: Account) -> AccountAnswer:
    state = desk.state
    book, report = state.books[account.book], desk.reconciler.report(account.id)
    armed, zone_offset_s = state.armed.get(account.id), state.settings.zone_offset_s
    if armed is not None and armed.until <= desk.clock.now():
        armed = None
    return AccountAnswer(
        **msgspec.structs.asdict(_terms(desk, account)),
        cash=format_fixed(book.cash),
        holds=format_fixed(book.holds),
        available=format_fixed(book.cash - book.holds - account.reserve),
        open_orders=book.open_orders,
        orders_today=book.orders_today,
        open=account.id not in desk.closed,
        closed_because=desk.closed.get(account.id),
        reconciliation=LastReading(
            report.status.value,
            iso(report.at, zone_offset_s) if report.at else None,
            report.why or None,
        ),
        armed_until=None if armed is None else iso(armed.until, zone_offset_s),
        armed_by=None if armed is None else armed.actor,
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_accounts,
        "All accounts",
        AccountList,
        policy=READ_OWN,
        tag="accounts",
        query=PageQuery,
    ),
    Door(
        "GET",
        f"{PATH}/{{account_id}}",
        get_account,
        "One account",
        AccountAnswer,
        policy=READ_OWN,
        tag="accounts",
        problems=("NOT_FOUND",),
    ),
    Door(
        "POST",
        PATH,
        post_account,
        "Another account of a client",
        AccountTerms,
        201,
        policy=MANAGE,
        tag="accounts",
        about="At any broker that this server is connected to. On paper it takes instructions at once; "
        "elsewhere once its book was read. A client's first account is its primary one.",
        body=NewAccount,
        examples=examples.NEW_ACCOUNT,
        problems=(
            *("UNKNOWN_CLIENT", "UNKNOWN_BROKER", "MODE_NOT_SUPPORTED", "ACCOUNT_EXISTS"),
            *("INVALID_TEXT", "NOT_POSITIVE"),
        ),
        keyed=True,
    ),
    Door(
        "PATCH",
        f"{PATH}/{{account_id}}",
        patch_account,
        "Change how an account is treated",
        AccountTerms,
        policy=MANAGE,
        tag="accounts",
        about="Orders that are already working keep the terms they were accepted under. A new "
        "rate_limit begins with a full window: the first request goes one window later. An account goes to "
        "another broker or login while none of its orders works or is in doubt, and is closed until its "
        "book there was read.",
        body=AccountChange,
        examples=examples.ACCOUNT_CHANGE,
        problems=(
            *("NOT_FOUND", "NOTHING_TO_CHANGE", "UNKNOWN_FIELD", "INVALID_VALUE", "NOT_POSITIVE"),
            *("UNKNOWN_BROKER", "MODE_NOT_SUPPORTED", "ORDERS_WORKING", "LIVE_PLACE_IN_USE"),
        ),
        keyed=True,
    ),
)
