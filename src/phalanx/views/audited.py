"""Which events are acts of somebody, and what the audit says of each: who, from where, what, about what.

An event with an origin is one, unless the desk did it by itself; a fact of an access is one whoever did it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, get_args

import msgspec

from phalanx.domain import events as e
from phalanx.domain.audit import DETAIL_CHARACTERS_MAX, SUBJECT_CHARACTERS_MAX
from phalanx.domain.instructions import DESK_ORIGIN, KINDS, Origin, called_instrument
from phalanx.domain.numbers import format_fixed
from phalanx.domain.settings import SCALED
from phalanx.domain.time import Nanoseconds

PLANNED: Final = "instruction_planned"
"""The act of which there are most."""


class Audited(msgspec.Struct, frozen=True, gc=False):
    """An act. ``count``: how many alike it stands for, the first of them at ``first_ns`` (0: it is one)."""

    time_ns: Nanoseconds
    origin: Origin
    act: str
    subject: str
    detail: str
    count: int
    first_ns: Nanoseconds


_Words: TypeAlias = tuple[str, str]
"""Subject and detail."""


def audited(event: e.Event) -> Audited | None:
    """What the audit says of an event; None: it is nobody's act."""
    # By type, before anything else: every event of the journal comes by here.
    kind = type(event)
    if kind not in ACTS:
        return None
    return _access(event) if kind is e.AccessRecorded else _act(event)


def _act(event: Any) -> Audited | None:  # noqa: ANN401  whatever has an origin
    origin: Origin | None = event.origin
    if origin is None or origin.actor == DESK_ORIGIN.actor:
        return None
    kind = type(event)
    subject, detail = _WORDS[kind](event)
    if len(subject) > SUBJECT_CHARACTERS_MAX:
        subject = f"{subject[: SUBJECT_CHARACTERS_MAX - 1]}…"
    if len(detail) > DETAIL_CHARACTERS_MAX:
        detail = f"{detail[: DETAIL_CHARACTERS_MAX - 1]}…"
    return Audited(event.time, origin, ACTS[kind], subject, detail, 1, 0)


def _access(event: Any) -> Audited:  # noqa: ANN401  looked up by its type
    what = (event.act.value, event.subject, event.detail)
    first = event.first if event.count > 1 else 0
    return Audited(event.time, event.origin, *what, event.count, first)


def _instruction(event: e.InstructionPlanned | e.InstructionHeld) -> _Words:
    request = event.request
    said = KINDS[type(request)]
    instrument = called_instrument(request)
    if instrument:
        said = f"{said}, {instrument}"
    if event.follow_up is not None:
        said = f"{said}, {event.follow_up.value} of {event.parent}"
    if event.note:
        said = f"{said}, {event.note}"
    return event.instruction_id, said


def _replace(event: e.ReplaceRequested) -> _Words:
    terms = f"quantity {format_fixed(event.quantity)}, price {format_fixed(event.price)}"
    return event.cl_ord_id, terms


def _fill(event: e.FillOrdered) -> _Words:
    return event.cl_ord_id, f"quantity {format_fixed(event.quantity)}"


def _kill(event: e.KillPut | e.KillLifted) -> _Words:
    return str(event.whom), event.note


def _limit(event: e.LimitPut) -> _Words:
    limit = event.limit
    bounds = {
        "quantity_max": limit.quantity_max,
        "value_max": limit.value_max,
        "position_max": limit.position_max,
    }
    said = [f"{name} {format_fixed(most)}" for name, most in bounds.items() if most is not None]
    if limit.orders_per_day_max is not None:
        said.append(f"orders_per_day_max {limit.orders_per_day_max}")
    if limit.restricted:
        said.append(f"restricted {' '.join(limit.restricted)}")
    return _level(limit.level.value, limit.name), ", ".join(said)


def _level(level: str, name: str) -> str:
    return f"{level} {name}".strip()


def _settings(event: e.SettingsPut) -> _Words:
    fields = msgspec.structs.asdict(event.settings)
    defaults = msgspec.structs.asdict(type(event.settings)())
    said = [
        f"{name}={format_fixed(value) if name in SCALED else value}"
        for name, value in fields.items()
        if value != defaults[name]
    ]
    return "settings", ", ".join(said) or "all as they come"


def _account(event: e.AccountPut) -> _Words:
    account = event.account
    state = "enabled" if account.enabled else "disabled"
    return account.id, f"{account.broker}, {account.mode.name.lower()}, {state}"


def _subscription(event: e.SubscriptionPut) -> _Words:
    subscription = event.subscription
    state = "on" if subscription.enabled else "off"
    return f"{subscription.strategy} {subscription.account}", state


def _cash(event: e.CashAdjusted) -> _Words:
    amount = format_fixed(event.amount)
    return event.book, f"{amount}, {event.note}" if event.note else amount


def _lot(event: e.LotAdopted) -> _Words:
    return event.lot, f"{event.book} {event.instrument} {format_fixed(event.quantity)}"


def _verdict(event: e.DoubtJudged) -> _Words:
    if event.request_id:
        said = f"{event.request_id} {'granted' if event.granted else 'not granted'}"
    else:
        said = event.order_id or "never received"
    return event.cl_ord_id, f"{said}, {event.note}"


def _armed(event: e.AccountsArmed | e.AccountsDisarmed) -> _Words:
    return " ".join(event.accounts), event.note


_WORDS: Final[Mapping[type, Callable[[Any], _Words]]] = MappingProxyType(
    {
        e.InstructionPlanned: _instruction,
        e.InstructionHeld: _instruction,
        e.CancelRequested: lambda event: (event.cl_ord_id, ""),
        e.ReplaceRequested: _replace,
        e.FillOrdered: _fill,
        e.KillPut: _kill,
        e.KillLifted: _kill,
        e.LimitPut: _limit,
        e.LimitRemoved: lambda event: (_level(event.level.value, event.name), ""),
        e.SettingsPut: _settings,
        e.ClientPut: lambda event: (str(event.client.id), event.client.name),
        e.AccountPut: _account,
        e.CashAdjusted: _cash,
        e.StrategyPut: lambda event: (event.strategy.name, ""),
        e.SubscriptionPut: _subscription,
        e.GroupPut: lambda event: (event.group.name, f"{len(event.group.members)} members"),
        e.GroupRemoved: lambda event: (event.name, ""),
        e.ListPut: lambda event: (event.priority_list.name, ""),
        e.ListRemoved: lambda event: (event.name, ""),
        e.InstrumentsLoaded: lambda event: (event.name or event.sha256, f"{event.count} in all"),
        e.LocalInstrumentPut: lambda event: (event.instrument.key, event.instrument.symbol),
        e.LotAdopted: _lot,
        e.BreakTaken: lambda event: (event.break_id, f"{event.owner}, {event.note}"),
        e.BreakClosed: lambda event: (event.break_id, event.note),
        e.DoubtJudged: _verdict,
        e.InstructionApproved: lambda event: (event.instruction_id, event.note),
        e.InstructionEnded: lambda event: (event.instruction_id, event.note),
        e.AlertRulePut: lambda event: (event.rule.name, ""),
        e.AlertRuleRemoved: lambda event: (event.name, ""),
        e.CalendarPut: lambda event: ("calendar", f"{len(event.days)} days"),
        e.ClosingAuctionPut: lambda event: ("closing auction", f"{len(event.symbols)} stocks"),
        e.HookSourcePut: lambda event: (event.source.name, event.source.mode.value),
        e.HookSourceRemoved: lambda event: (event.name, ""),
        e.AccountsArmed: _armed,
        e.AccountsDisarmed: _armed,
        e.ChangeAsked: lambda event: (event.asked.id, "; ".join(event.asked.details)),
        e.ChangeApproved: lambda event: (event.change_id, event.detail or event.note),
        e.ChangeDeclined: lambda event: (event.change_id, event.note),
        e.AccessRecorded: lambda event: (event.subject, event.detail),
    }
)
"""Every event that has an origin."""

ACTS: Final[Mapping[type, str]] = MappingProxyType(
    {
        kind: "".join(f"_{one.lower()}" if one.isupper() else one for one in kind.__name__)[1:]
        for kind in get_args(e.Event)
        if hasattr(kind, "origin")
    }
)
"""What is called what: an event's own name in small letters. A fact of an access has its own word."""
