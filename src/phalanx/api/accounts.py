"""Accounts: their cash, how paper treats them, and what of that may be changed."""

import msgspec
from msgspec import UNSET

from phalanx.api import examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import not_negative
from phalanx.api.lists import PageQuery, page
from phalanx.api.problems import Problem
from phalanx.api.shapes import AccountChange, RateLimitChange
from phalanx.desk.desk import Desk
from phalanx.domain.accounts import Account, FillProfile, RateLimit
from phalanx.domain.events import AccountPut
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import format_fixed
from phalanx.engine.commands import PutReference

PATH = "/api/v1/accounts"
_change: Body[AccountChange] = Body(AccountChange)


class FillProfileAnswer(msgspec.Struct, frozen=True):
    """How the paper broker treats an account's orders."""

    ack_delay_ms: int
    fill_duration_ms: int
    filled_bps: int
    slices: int
    slippage_bps: int
    reject_bps: int
    seed: int


class RateLimitAnswer(msgspec.Struct, frozen=True):
    """How many requests a broker gets; a ``count`` of 0 is no limit."""

    count: int
    window_ms: int
    reserved: int


class AccountTerms(msgspec.Struct, frozen=True):
    """What an account is and how it is treated."""

    account: str
    client_id: int
    client: str
    broker: str
    login: str
    mode: str
    enabled: bool
    primary: bool
    currency: str
    charge_bps: int
    reserve: str
    fill_profile: FillProfileAnswer
    rate_limit: RateLimitAnswer


class AccountAnswer(AccountTerms, frozen=True, kw_only=True):
    """An account with the cash of the book that new instructions go to. ``closed``: why it takes
    no instructions now, or null.
    """

    cash: str
    holds: str
    available: str
    open_orders: int
    orders_today: int
    closed: str | None


class AccountList(msgspec.Struct, frozen=True):
    """Accounts, oldest first."""

    items: list[AccountAnswer]
    total: int
    as_of: int


async def list_accounts(call: Call) -> Answer:
    """All accounts, a page of them at a time."""
    query = call.query(PageQuery)
    desk = call.desk
    found = list(desk.state.accounts.values())

    def body(seq: int) -> AccountList:
        return AccountList([_shown(desk, a) for a in page(found, query)], len(found), seq)

    return await call.as_of(body)


async def get_account(call: Call) -> Answer:
    """One account."""
    desk = call.desk
    account = _find(desk, call.path("account_id"))
    return await call.as_of(lambda _: _shown(desk, account))


async def patch_account(call: Call) -> Answer:
    """Change how an account is treated. Answers its terms, not its cash."""
    desk = call.desk
    account = _find(desk, call.path("account_id"))
    body = call.decode(_change)
    changes = _set_fields(body)
    if not changes:
        raise Problem("NOTHING_TO_CHANGE", "name at least one field")
    if body.reserve is not UNSET:
        changes["reserve"] = not_negative(body.reserve, "reserve")
    origin = call.origin(DoorName.ACCOUNTS, account.id, changes)
    if body.fill_profile is not UNSET:
        profile = msgspec.structs.replace(account.fill_profile, **_set_fields(body.fill_profile))
        changes["fill_profile"] = profile
    if body.rate_limit is not UNSET:
        changes["rate_limit"] = _rate_limit(account.rate_limit, body.rate_limit)
    wanted = msgspec.structs.replace(account, **changes)
    executed = await desk.execute(PutReference(origin, accounts=(wanted,)))
    for event in executed.events:
        assert isinstance(event, AccountPut), f"{type(event).__name__} is no account"
        wanted = event.account
    return answer_json(200, _terms(desk, wanted), executed)


def _find(desk: Desk, account_id: str) -> Account:
    account = desk.state.accounts.get(account_id)
    if account is None:
        raise Problem("NOT_FOUND", f"no account {account_id}")
    return account


def _set_fields(change: msgspec.Struct) -> dict[str, object]:
    return {
        field: value
        for field, value in msgspec.structs.asdict(change).items()
        if value is not UNSET
    }


def _rate_limit(before: RateLimit, change: RateLimitChange) -> RateLimit:
    """Raises Problem INVALID_VALUE when nothing would be left for what is no exit."""
    limit = msgspec.structs.replace(before, **_set_fields(change))
    if limit.reserved and limit.reserved >= limit.count:
        detail = f"must be below count, which is {limit.count}"
        raise Problem("INVALID_VALUE", detail, field="rate_limit.reserved")
    return limit


def _terms(desk: Desk, account: Account) -> AccountTerms:
    return AccountTerms(
        account.id,
        account.client_id,
        desk.state.clients[account.client_id].name,
        account.broker,
        account.login,
        account.mode.name,
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
    book = desk.state.books[account.book]
    return AccountAnswer(
        **msgspec.structs.asdict(_terms(desk, account)),
        cash=format_fixed(book.cash),
        holds=format_fixed(book.holds),
        available=format_fixed(book.cash - book.holds - account.reserve),
        open_orders=book.open_orders,
        orders_today=book.orders_today,
        closed=desk.closed.get(account.id),
    )


doors: tuple[Door, ...] = (
    Door("GET", PATH, list_accounts, "All accounts", AccountList, tag="accounts", query=PageQuery),
    Door(
        "GET",
        f"{PATH}/{{account_id}}",
        get_account,
        "One account",
        AccountAnswer,
        tag="accounts",
        problems=("NOT_FOUND",),
    ),
    Door(
        "PATCH",
        f"{PATH}/{{account_id}}",
        patch_account,
        "Change how an account is treated",
        AccountTerms,
        tag="accounts",
        about="Orders that are already working keep the terms they were accepted under. A new "
        "rate_limit begins with a full window: the first request goes one window later.",
        body=AccountChange,
        examples=examples.ACCOUNT_CHANGE,
        problems=(
            *("NOT_FOUND", "NOTHING_TO_CHANGE", "UNKNOWN_FIELD", "INVALID_VALUE", "NOT_POSITIVE"),
            *("INVALID_NUMBER", "TOO_PRECISE", "NUMBER_TOO_LARGE"),
        ),
        keyed=True,
    ),
)
