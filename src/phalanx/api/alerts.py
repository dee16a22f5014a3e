"""Alerts: the rules of who is told what, the channels they go through, and what was told."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from phalanx.alerts.addresses import URL_CHARACTERS_MAX
from phalanx.alerts.alerts import Alert
from phalanx.alerts.channels import Channel
from phalanx.api import alert_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name
from phalanx.api.policy import ADMINISTER, READ
from phalanx.api.problems import Problem
from phalanx.api.reading import Zone
from phalanx.api.shapes import Name
from phalanx.domain.alerts import (
    RULE_NAMES_MAX,
    SECONDS_MAX,
    THRESHOLD_MAX,
    WITHOUT_SOURCE,
    AlertKind,
    AlertRule,
)
from phalanx.domain.events import AlertRulePut
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.secrets import Secret
from phalanx.engine.commands import PutAlertRules

PATH = "/api/v1/alerts"
SECRET_CHARACTERS_MAX = 256
RULE = f"{PATH}/rules/{{name}}"
CHANNEL = f"{PATH}/channels/{{name}}"
_Names = Annotated[list[Name], Meta(max_length=RULE_NAMES_MAX)]


class RuleChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule from now on; what is absent has its default."""

    what: AlertKind
    channels: Annotated[list[Name], Meta(min_length=1, max_length=RULE_NAMES_MAX)]
    accounts: _Names | UnsetType = UNSET
    groups: _Names | UnsetType = UNSET
    threshold: Annotated[int, Meta(ge=1, le=THRESHOLD_MAX)] | UnsetType = UNSET
    window_s: Annotated[int, Meta(ge=1, le=SECONDS_MAX)] | UnsetType = UNSET
    throttle_s: Annotated[int, Meta(ge=0, le=SECONDS_MAX)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class ChannelChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a channel leads, from now on. ``secret`` signs what a webhook of ours sends."""

    url: Annotated[str, Meta(min_length=1, max_length=URL_CHARACTERS_MAX)]
    secret: Annotated[str, Meta(max_length=SECRET_CHARACTERS_MAX)] | UnsetType = UNSET

    def __repr__(self) -> str:
        """Without what is secret."""
        return "ChannelChange(***)"


class RuleAnswer(msgspec.Struct, frozen=True):
    """A rule. ``note`` says so where nothing tells of such things yet."""

    name: str
    what: str
    channels: tuple[str, ...]
    accounts: tuple[str, ...]
    groups: tuple[str, ...]
    threshold: int
    window_s: int
    throttle_s: int
    enabled: bool
    note: str


class RulesAnswer(msgspec.Struct, frozen=True):
    """The rules, oldest first."""

    items: list[RuleAnswer]
    total: int
    as_of: int


class ChannelAnswer(msgspec.Struct, frozen=True):
    """A channel; its address is shown to nobody. ``trouble``: why it cannot be used now, a code."""

    name: str
    scheme: str
    trouble: str


class ChannelsAnswer(msgspec.Struct, frozen=True):
    """The channels, by name."""

    items: list[ChannelAnswer]
    total: int


class RemovedAnswer(msgspec.Struct, frozen=True):
    """A rule or channel that is gone."""

    name: str
    removed: bool


class DeliveryAnswer(msgspec.Struct, frozen=True):
    """An alert at one channel: waiting, sent, failed or dropped. ``why``: a code or an error's class."""

    channel: str
    status: str
    why: str


class AlertAnswer(msgspec.Struct, frozen=True):
    """One alert. ``throttled``: so many like it were held back since."""

    id: str
    at: str
    rule: str
    what: str
    subject: str
    text: str
    instruction_id: str
    deliveries: list[DeliveryAnswer]
    throttled: int


class AlertsAnswer(msgspec.Struct, frozen=True):
    """The last alerts since the server started, newest first."""

    items: list[AlertAnswer]
    total: int


async def list_alerts(call: Call) -> Answer:
    """What was told."""
    zone = Zone(call)
    items = [_shown_alert(zone, one) for one in call.system.alerts.recent()]
    return answer_json(200, AlertsAnswer(items, len(items)))


async def list_rules(call: Call) -> Answer:
    """Who is told what."""
    found = [_shown_rule(one) for one in call.desk.state.alert_rules.values()]
    return await call.as_of(lambda seq: RulesAnswer(found, len(found), seq))


async def put_rule(call: Call) -> Answer:
    """A rule is made or changed."""
    called, asked = call.path("name"), call.decode(_rule)
    rule = AlertRule(called, asked.what, _named(asked.channels, "channels"))
    said = {
        one: value
        for one in ("accounts", "groups", "threshold", "window_s", "throttle_s", "enabled")
        if (value := getattr(asked, one)) is not UNSET
    }
    for field in {"accounts", "groups"} & said.keys():
        said[field] = _named(said[field], field)
    rule = msgspec.structs.replace(rule, **said)
    origin = call.origin(DoorName.ALERTS, "put rule", rule)
    executed = await call.desk.execute(PutAlertRules(origin, (rule,)))
    for event in executed.events:
        assert isinstance(event, AlertRulePut), f"{type(event).__name__} is no rule"
        rule = event.rule
    return answer_json(200, _shown_rule(rule), executed)


async def delete_rule(call: Call) -> Answer:
    """A rule goes."""
    called = call.path("name")
    origin = call.origin(DoorName.ALERTS, "delete rule", called)
    if not call.is_repeat(origin) and called not in call.desk.state.alert_rules:
        raise Problem("NOT_FOUND", f"no alert rule {called}")
    executed = await call.desk.execute(PutAlertRules(origin, removed=(called,)))
    return answer_json(200, RemovedAnswer(called, removed=True), executed)


async def list_channels(call: Call) -> Answer:
    """The channels."""
    items = [_shown_channel(one) for one in call.system.alerts.shown_channels()]
    return answer_json(200, ChannelsAnswer(items, len(items)))


async def put_channel(call: Call) -> Answer:
    """A channel is made, or leads elsewhere."""
    called, asked = call.path("name"), call.decode(_channel)
    alerts, vault = call.system.alerts, call.system.access.credentials
    secret = Secret("" if asked.secret is UNSET else asked.secret)
    async with alerts.changing:
        opened = await asyncio.to_thread(
            alerts.channels.put, vault, called, Secret(asked.url), secret, call.principal.actor
        )
        alerts.use((opened,))
    return answer_json(200, _shown_channel(opened.channel))


async def delete_channel(call: Call) -> Answer:
    """A channel goes; what waits for it is dropped."""
    called = call.path("name")
    alerts, vault = call.system.alerts, call.system.access.credentials
    async with alerts.changing:
        await asyncio.to_thread(alerts.channels.forget, vault, called)
        alerts.drop(called)
    return answer_json(200, RemovedAnswer(called, removed=True))


async def test_channel(call: Call) -> Answer:
    """A test alert to one channel; what becomes of it is in the list of alerts."""
    sent = call.system.alerts.test(call.path("name"), call.principal.actor)
    return answer_json(202, _shown_alert(Zone(call), sent))


def _named(names: Sequence[str], field: str) -> tuple[str, ...]:
    """Raises Problem ``INVALID_VALUE`` and as ``name`` does."""
    return tuple(dict.fromkeys(name(one, f"{field}[{place}]") for place, one in enumerate(names)))


def _shown_rule(rule: AlertRule) -> RuleAnswer:
    note = "no source yet" if rule.what in WITHOUT_SOURCE else ""
    return RuleAnswer(
        rule.name,
        rule.what.value,
        rule.channels,
        rule.accounts,
        rule.groups,
        rule.threshold,
        rule.window_s,
        rule.throttle_s,
        rule.enabled,
        note,
    )


def _shown_channel(channel: Channel) -> ChannelAnswer:
    return ChannelAnswer(channel.name, channel.scheme, channel.trouble)


def _shown_alert(zone: Zone, alert: Alert) -> AlertAnswer:
    message = alert.message
    # Lines change the dict meanwhile.
    deliveries = [
        DeliveryAnswer(one.channel, one.outcome.value, one.why)
        for one in list(alert.deliveries.values())
    ]
    return AlertAnswer(
        message.id,
        zone.at(message.at),
        message.rule,
        message.what,
        message.subject,
        message.text,
        message.instruction,
        deliveries,
        alert.throttled,
    )


_rule: Body[RuleChange] = Body(RuleChange)
_channel: Body[ChannelChange] = Body(ChannelChange)

doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_alerts,
        "The last alerts",
        AlertsAnswer,
        policy=READ,
        tag="alerts",
        about="The last 500 since the server started, newest first, and what became of each at each of its "
        "channels.",
    ),
    Door(
        "GET",
        f"{PATH}/rules",
        list_rules,
        "All alert rules",
        RulesAnswer,
        policy=ADMINISTER,
        tag="alerts",
    ),
    Door(
        "PUT",
        RULE,
        put_rule,
        "Make or change an alert rule",
        RuleAnswer,
        policy=ADMINISTER,
        tag="alerts",
        about="Tell the channels when this happened threshold times within window_s; for each subject at most "
        "once in throttle_s, then once how many more there were. Accounts and groups: whose; all when both "
        "are empty.",
        body=RuleChange,
        examples=examples.RULE,
        problems=(
            *("INVALID_ALERT_RULE", "UNKNOWN_ACCOUNT", "UNKNOWN_GROUP", "TOO_MANY_ALERT_RULES"),
            "INVALID_VALUE",
        ),
        keyed=True,
    ),
    Door(
        "DELETE",
        RULE,
        delete_rule,
        "Remove an alert rule",
        RemovedAnswer,
        policy=ADMINISTER,
        tag="alerts",
        problems=("NOT_FOUND",),
        keyed=True,
    ),
    Door(
        "GET",
        f"{PATH}/channels",
        list_channels,
        "All alert channels",
        ChannelsAnswer,
        policy=ADMINISTER,
        tag="alerts",
        about="Their names and services. Addresses hold tokens: they are sealed, and never shown.",
    ),
    Door(
        "PUT",
        CHANNEL,
        put_channel,
        "Make or change an alert channel",
        ChannelAnswer,
        policy=ADMINISTER,
        tag="alerts",
        about="An address of apprise's for one of the services that are allowed, or your own webhook "
        "(webhook+https) with a secret that signs. Nothing is sent: test it.",
        body=ChannelChange,
        examples=examples.CHANNEL,
        problems=(
            *("CHANNEL_NOT_ALLOWED", "INVALID_CHANNEL", "ADDRESS_NOT_ALLOWED", "TOO_MANY_CHANNELS"),
            "VERSION_CONFLICT",
        ),
    ),
    Door(
        "DELETE",
        CHANNEL,
        delete_channel,
        "Remove an alert channel",
        RemovedAnswer,
        policy=ADMINISTER,
        tag="alerts",
        problems=("UNKNOWN_CHANNEL",),
    ),
    Door(
        "POST",
        f"{CHANNEL}/test",
        test_channel,
        "Send a test alert",
        AlertAnswer,
        status=202,
        policy=ADMINISTER,
        tag="alerts",
        problems=("UNKNOWN_CHANNEL",),
    ),
)
