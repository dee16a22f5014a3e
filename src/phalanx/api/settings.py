"""The settings that decide about orders: journaled, so that a replay meets the same ones."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from phalanx.api import reference_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.deferred import deferred
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import not_negative, positive
from phalanx.api.policy import MANAGE, READ
from phalanx.api.problems import Problem
from phalanx.api.shapes import Exact
from phalanx.domain.events import SettingsPut
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import format_fixed
from phalanx.domain.settings import RiskSettings
from phalanx.engine.commands import PutReference

PATH = "/api/v1/settings"


class Whole(msgspec.Struct, frozen=True):
    """A setting that is a whole number, with its bounds and what it means, its unit included."""

    least: int
    most: int
    about: str


class Amount(msgspec.Struct, frozen=True):
    """A setting that is an exact number above zero, and what it means. ``may_be_zero``: that is a value."""

    about: str
    may_be_zero: bool = False


class Switch(msgspec.Struct, frozen=True):
    """A setting that is on or off, and what it means when it is on."""

    about: str


_DAY = 86_400
_HALF_DAY_AND_MORE = 50_400
_COUNT = 1_000_000_000
_IN_MEMORY = 10_000_000

FIELDS: dict[str, Whole | Amount | Switch] = {
    "quantity_max": Amount("shares or units: largest quantity of one order"),
    "value_max": Amount("money: largest value of one order"),
    "band_bps": Whole(
        0, 10_000, "basis points: distance from the reference close where the master has no band"
    ),
    "distance_bps": Whole(0, 10_000, "basis points: how far a limit may be from the last price"),
    "protection_bps": Whole(
        0, 10_000, "basis points: how much worse than the last price a market order may trade"
    ),
    "stale_after_s": Whole(1, _DAY, "seconds: a live price that is older is none"),
    "open_orders_max": Whole(1, _COUNT, "count: open orders of one account"),
    "orders_per_day_max": Whole(1, _COUNT, "count: orders of one account on one trading day"),
    "duplicate_window_s": Whole(
        0,
        _DAY,
        "seconds: within these an order like the one before needs an idempotency key; 0: off",
    ),
    "signal_expires_s": Whole(1, _DAY, "seconds: so long a signal may be fired"),
    "order_expires_s": Whole(1, _DAY, "seconds: so long any other instruction may be fired"),
    "send_timeout_s": Whole(1, _DAY, "seconds: without an answer for so long an order is in doubt"),
    "retire_after_s": Whole(0, _DAY, "seconds: then an order that ended leaves memory"),
    "terminal_orders_max": Whole(1, _IN_MEMORY, "count: ended orders that stay in memory"),
    "keys_retain_s": Whole(1, 30 * _DAY, "seconds: so long an idempotency key is remembered"),
    "keys_max": Whole(1, _IN_MEMORY, "count: idempotency keys that are remembered"),
    "zone_offset_s": Whole(
        -_HALF_DAY_AND_MORE, _HALF_DAY_AND_MORE, "seconds: the exchange's zone ahead of UTC"
    ),
    "entry_cancel_after_s": Whole(
        0, _DAY, "seconds: then a MARKET entry that rests unfilled is canceled; 0: never"
    ),
    "exit_reprice_after_s": Whole(
        0, _DAY, "seconds: then a MARKET exit that rests unfilled gets a new price; 0: never"
    ),
    "exit_reprices_max": Whole(1, 1_000, "count: so often; then it stands for a person to see"),
    "collar_bps": Whole(
        0, 10_000, "basis points: how far a price may move between preview and firing"
    ),
    "held_max": Whole(1, 1_000_000, "count: instructions that are held"),
    "break_deadline_s": Whole(1, 30 * _DAY, "seconds: so long somebody has to settle a break"),
    "approve_above": Amount(
        "money: an instruction that opens risk of more waits for another person's approval; 0: none",
        may_be_zero=True,
    ),
    "approval_expires_s": Whole(1, _DAY, "seconds: so long an approval may come"),
    "undo_ms": Whole(
        0, 3_000, "milliseconds: so long orders that open risk can be undone before they go; 0: off"
    ),
    "two_persons": Switch("switch: what loosens a bound waits for another person to approve it"),
    "change_expires_s": Whole(1, 30 * _DAY, "seconds: so long a change may wait for that"),
    "changes_max": Whole(1, 10_000, "count: changes that wait for that"),
    "paper_keeps_sessions": Switch(
        "switch: orders on paper are held to the phases of the trading day, as live ones are"
    ),
    "square_off": Switch("switch: what is held intraday is closed before the market is"),
    "square_off_at_s": Whole(
        33_300, 55_800, "seconds: after midnight, when on an ordinary day (54900 is 15:15)"
    ),
    "square_off_auction_at_s": Whole(
        33_300, 54_900, "seconds: after midnight, the same of stocks with a closing auction"
    ),
}
"""Every field of RiskSettings."""


def _shape(called: str, about: str, *, change: bool) -> type[msgspec.Struct]:
    """The struct of all settings as they are shown, or of those that a change may name."""
    fields: list[Any] = []
    for field, setting in FIELDS.items():
        kind: Any
        if isinstance(setting, Switch):
            kind = Annotated[bool, Meta(description=setting.about)]
        elif isinstance(setting, Whole):
            bounds = Meta(ge=setting.least, le=setting.most, description=setting.about)
            kind = Annotated[int, bounds]
        else:
            kind = Annotated[Exact if change else str, Meta(description=setting.about)]
        fields.append((field, kind | UnsetType, UNSET) if change else (field, kind))
    return msgspec.defstruct(
        called,
        fields,
        frozen=True,
        forbid_unknown_fields=change,
        module=__name__,
        namespace={"__doc__": about},
    )


SettingsAnswer = _shape("SettingsAnswer", "The settings in force.", change=False)
SettingsChange = _shape(
    "SettingsChange", "What may be changed of the settings; what is absent stays.", change=True
)
_change: Body[msgspec.Struct] = Body(SettingsChange)


async def get_settings(call: Call) -> Answer:
    """The settings in force."""
    settings = call.desk.state.settings
    return await call.as_of(lambda _: _shown(settings))


async def patch_settings(call: Call) -> Answer:
    """Change some of the settings; they hold from the next decision on."""
    desk = call.desk
    body = call.decode(_change)
    changes = {
        field: _amount(setting, value, field)
        if isinstance(setting := FIELDS[field], Amount)
        else value
        for field, value in msgspec.structs.asdict(body).items()
        if value is not UNSET
    }
    if not changes:
        raise Problem("NOTHING_TO_CHANGE", "name at least one field")
    origin = call.origin(DoorName.SETTINGS, changes)
    wanted: RiskSettings = msgspec.structs.replace(desk.state.settings, **changes)
    executed = await desk.execute(PutReference(origin, settings=wanted))
    asked = deferred(call, executed)
    if asked is not None:
        return asked
    for event in executed.events:
        assert isinstance(event, SettingsPut), f"{type(event).__name__} is no setting"
        wanted = event.settings
    return answer_json(200, _shown(wanted), executed)


def _amount(setting: Amount, value: Raw, field: str) -> int:
    """Raises Problem."""
    return (not_negative if setting.may_be_zero else positive)(value, field)


def _shown(settings: RiskSettings) -> msgspec.Struct:
    return SettingsAnswer(
        **{
            field: getattr(settings, field)
            if isinstance(setting, Whole | Switch)
            else format_fixed(getattr(settings, field))
            for field, setting in FIELDS.items()
        }
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        get_settings,
        "The settings that decide",
        SettingsAnswer,
        policy=READ,
        tag="limits",
    ),
    Door(
        "PATCH",
        PATH,
        patch_settings,
        "Change settings that decide",
        SettingsAnswer,
        policy=MANAGE,
        tag="limits",
        about="Journaled, with who changed what. Orders that are already working keep the terms they "
        "were accepted under. With `two_persons` on a change to the looser waits for another person, as a "
        "whole; turning it on needs one person, turning it off two.",
        body=SettingsChange,
        examples=examples.SETTINGS,
        problems=(
            *("NOTHING_TO_CHANGE", "UNKNOWN_FIELD", "INVALID_VALUE", "NOT_POSITIVE"),
            "WRONG_TYPE",
        ),
        keyed=True,
        loosens=True,
    ),
)
