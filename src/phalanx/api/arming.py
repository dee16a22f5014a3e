"""Arming: a person says that live accounts may take new risk until the trading day ends."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from phalanx.api import reference_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name, note
from phalanx.api.policy import APPROVE, STOP
from phalanx.api.problems import Problem
from phalanx.api.reading import Zone
from phalanx.api.shapes import ClientId, Name, Note
from phalanx.desk.desk import Executed
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import AccountsArmed, AccountsDisarmed
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instructions import Origin
from phalanx.engine.commands import ArmAccounts, DisarmAccounts
from phalanx.engine.state import State

PATH = "/api/v1/armed"
OF_ACCOUNT = "/api/v1/accounts/{account_id}/armed"
NAMES_MAX = 20_000


class ArmingNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, in a few words."""

    note: Note | UnsetType = UNSET


class Arming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which live accounts to arm: these, those of clients, those of groups, all of them together."""

    accounts: Annotated[list[Name], Meta(max_length=NAMES_MAX)] | UnsetType = UNSET
    clients: Annotated[list[ClientId], Meta(max_length=NAMES_MAX)] | UnsetType = UNSET
    groups: Annotated[list[Name], Meta(max_length=NAMES_MAX)] | UnsetType = UNSET
    note: Note | UnsetType = UNSET


class ArmedAnswer(msgspec.Struct, frozen=True):
    """Who is armed now by this request, by whom, and until when."""

    accounts: tuple[str, ...]
    armed_by: str
    armed_until: str
    note: str


class DisarmedAnswer(msgspec.Struct, frozen=True):
    """The accounts that were armed until this request."""

    accounts: tuple[str, ...]


async def arm_account(call: Call) -> Answer:
    """Arm one live account."""
    account, remark = call.path("account_id"), _remark(call.decode(_note).note)
    _find(call, account)
    origin = call.origin(DoorName.ARMING, "arm", account, remark)
    return await _arm(call, origin, (account,), remark)


async def arm_accounts(call: Call) -> Answer:
    """Arm many live accounts, all or none."""
    asked = call.decode(_arming)
    remark = _remark(asked.note)
    origin = call.origin(DoorName.ARMING, "arm many", asked)
    wanted: tuple[AccountId, ...] = ()
    if not call.is_repeat(origin):
        wanted = _chosen(call.desk.state, asked)
    return await _arm(call, origin, wanted, remark)


async def disarm_account(call: Call) -> Answer:
    """Disarm one account."""
    account = call.path("account_id")
    _find(call, account)
    origin = call.origin(DoorName.ARMING, "disarm", account)
    executed = await call.desk.execute(DisarmAccounts(origin, (account,)))
    return _disarmed(executed)


async def disarm_accounts(call: Call) -> Answer:
    """Disarm every account."""
    origin = call.origin(DoorName.ARMING, "disarm all")
    executed = await call.desk.execute(DisarmAccounts(origin, tuple(call.desk.state.armed)))
    return _disarmed(executed)


async def _arm(call: Call, origin: Origin, accounts: tuple[AccountId, ...], remark: str) -> Answer:
    executed = await call.desk.execute(ArmAccounts(origin, accounts, remark))
    event = executed.events[0]
    assert isinstance(event, AccountsArmed), f"{type(event).__name__} arms nobody"
    until = Zone(call).at(event.until)
    answer = ArmedAnswer(event.accounts, event.origin.actor, until, event.note)
    return answer_json(200, answer, executed)


def _disarmed(executed: Executed) -> Answer:
    accounts: tuple[AccountId, ...] = ()
    for event in executed.events:
        assert isinstance(event, AccountsDisarmed), f"{type(event).__name__} disarms nobody"
        accounts = event.accounts
    return answer_json(200, DisarmedAnswer(accounts), executed)


def _chosen(state: State, asked: Arming) -> tuple[AccountId, ...]:
    """The accounts that a body names. Nothing named is nobody, never everybody.

    Raises Problem ``MISSING_FIELD``, ``UNKNOWN_CLIENT``, ``UNKNOWN_GROUP``, ``NOBODY_CHOSEN``, and as
    ``name`` does.
    """
    accounts, chosen, groups = asked.accounts or [], asked.clients or [], asked.groups or []
    if not (accounts or chosen or groups):
        raise Problem("MISSING_FIELD", "say which accounts, clients or groups", field="accounts")
    found = [name(one, f"accounts[{place}]") for place, one in enumerate(accounts)]
    for place, client in enumerate(chosen):
        if client not in state.clients:
            raise Problem("UNKNOWN_CLIENT", f"no client {client}", field=f"clients[{place}]")
    clients = set(chosen)
    found += [one.id for one in state.accounts.values() if one.client_id in clients]
    for place, called in enumerate(groups):
        group = state.groups.get(called)
        if group is None:
            raise Problem("UNKNOWN_GROUP", f"no group {called}", field=f"groups[{place}]")
        found += [member.account for member in group.members]
    if not found:
        raise Problem("NOBODY_CHOSEN", "what was named has no account")
    return tuple(dict.fromkeys(found))


def _remark(said: str | UnsetType) -> str:
    return "" if said is UNSET else note(said)


def _find(call: Call, account_id: AccountId) -> None:
    if account_id not in call.desk.state.accounts:
        raise Problem("NOT_FOUND", f"no account {account_id}")


_note: Body[ArmingNote] = Body(ArmingNote)
_arming: Body[Arming] = Body(Arming)
_REFUSED = ("PERSON_NEEDED", "ACCOUNT_NOT_LIVE", "TEXT_TOO_LONG", "INVALID_TEXT")

doors: tuple[Door, ...] = (
    Door(
        "PUT",
        OF_ACCOUNT,
        arm_account,
        "Arm a live account",
        ArmedAnswer,
        policy=APPROVE,
        tag="accounts",
        about="Until the end of the trading day it may take new risk; exits and cancels need no arming. By a "
        "person: never by a machine key or a webhook. Another mode, broker or login disarms it, and so "
        "does switching it off; a kill does not.",
        body=ArmingNote,
        body_optional=True,
        examples=examples.DECISION,
        problems=("NOT_FOUND", *_REFUSED),
        keyed=True,
    ),
    Door(
        "DELETE",
        OF_ACCOUNT,
        disarm_account,
        "Disarm an account",
        DisarmedAnswer,
        policy=STOP,
        tag="accounts",
        about="Anybody may who may stop something. Orders that work go on; a kill stops those.",
        problems=("NOT_FOUND",),
        keyed=True,
        unlimited=True,
    ),
    Door(
        "PUT",
        PATH,
        arm_accounts,
        "Arm many live accounts",
        ArmedAnswer,
        policy=APPROVE,
        tag="accounts",
        about="All of them or none: an account on paper among them is named, and nobody is armed.",
        body=Arming,
        body_max=1024 * 1024,
        examples=examples.ARMING,
        problems=(
            *("UNKNOWN_ACCOUNT", "UNKNOWN_CLIENT", "UNKNOWN_GROUP", "NOBODY_CHOSEN"),
            *("MISSING_FIELD", "INVALID_VALUE", *_REFUSED),
        ),
        keyed=True,
    ),
    Door(
        "DELETE",
        PATH,
        disarm_accounts,
        "Disarm every account",
        DisarmedAnswer,
        policy=STOP,
        tag="accounts",
        keyed=True,
        unlimited=True,
    ),
)
