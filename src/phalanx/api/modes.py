"""From paper to live and back: a person says so, for one account, by its name."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from phalanx.api import reference_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name
from phalanx.api.policy import APPROVE
from phalanx.api.problems import Problem
from phalanx.api.shapes import Name
from phalanx.domain.accounts import Account, Mode
from phalanx.domain.events import AccountPut
from phalanx.domain.instructions import Door as DoorName
from phalanx.engine.commands import SwitchMode


class ModeChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which book an account's instructions go to from now on. ``confirm``: the account's name once more, for
    what is real from then on.
    """

    mode: Literal["paper", "live"]
    confirm: Name | UnsetType = UNSET


class ModeAnswer(msgspec.Struct, frozen=True):
    """Where the account trades now."""

    account: str
    mode: str
    broker: str
    login: str


_body: Body[ModeChange] = Body(ModeChange)


async def switch_mode(call: Call) -> Answer:
    """Trade for real from now on, or on paper again."""
    body, desk = call.decode(_body), call.desk
    account = desk.state.accounts.get(call.path("account_id"))
    if account is None:
        raise Problem("NOT_FOUND", f"no account {call.path('account_id')}")
    mode = Mode[body.mode.upper()]
    if mode is Mode.LIVE and (body.confirm is UNSET or name(body.confirm, "confirm") != account.id):
        detail = (
            f"say the account's name in `confirm`: what {account.id} is told is real from then on"
        )
        raise Problem("NOT_CONFIRMED", detail, field="confirm")
    origin = call.origin(DoorName.ACCOUNTS, "mode", account.id, mode)
    if mode is Mode.LIVE and not call.is_repeat(origin):
        await _try(call, account)
    executed = await desk.execute(SwitchMode(origin, account.id, mode))
    event = executed.events[0]
    assert isinstance(event, AccountPut), f"{type(event).__name__} switches nothing"
    now = event.account
    answer = ModeAnswer(now.id, now.mode.name, now.broker, now.login)
    return answer_json(200, answer, executed)


async def _try(call: Call, account: Account) -> None:
    """Its book where it would be live is read once: so its login works, and knows the account.

    Raises Problem ``LIVE_NOT_READ``. What else is missing the engine says.
    """
    place = account.live
    if account.mode is Mode.LIVE or place.broker not in call.desk.capabilities:
        return
    try:
        there = msgspec.structs.replace(account, broker=place.broker, login=place.login)
        await call.desk.reconciler.try_reading(there)
    except OSError as failure:
        why = str(failure) or type(failure).__name__
        detail = f"the book of {account.id} at {place.broker} could not be read: {why}"
        raise Problem("LIVE_NOT_READ", detail) from failure


doors: tuple[Door, ...] = (
    Door(
        "PUT",
        "/api/v1/accounts/{account_id}/mode",
        switch_mode,
        "Switch an account to live, or to paper",
        ModeAnswer,
        policy=APPROVE,
        tag="accounts",
        about="By a person, while none of its orders works or is in doubt. To go live it needs a place "
        "(`live` of the account) at a connected broker, whose login works: its book there is read first. "
        "Then it is closed until that book is reconciled, and takes no new risk until it is armed. What "
        "it holds in the book that it leaves stays there.",
        body=ModeChange,
        examples=examples.MODE,
        problems=(
            *("NOT_FOUND", "NOT_CONFIRMED", "LIVE_NOT_READ", "NO_LIVE_PLACE", "PERSON_NEEDED"),
            *("NOTHING_TO_CHANGE", "UNKNOWN_BROKER", "MODE_NOT_SUPPORTED", "ORDERS_WORKING"),
            *("INVALID_TEXT", "TEXT_TOO_LONG"),
        ),
        keyed=True,
    ),
)
