"""The room's face: told what became durable, it tells whom the rules name. On the loop, but for the lines."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from threading import Lock
from time import monotonic
from typing import Final

import msgspec

from phalanx.alerts.channels import Channel, Channels, Opened
from phalanx.alerts.errors import UNKNOWN_CHANNEL, AlertError
from phalanx.alerts.lines import Line, Outcome, Sender, Told
from phalanx.alerts.matching import KIND_OF, Fact, Standing, Symbol, facts_of
from phalanx.alerts.message import TEXT_CHARACTERS_MAX, Message, cut, plain
from phalanx.alerts.watch import Due, Watch
from phalanx.domain.accounts import AccountId
from phalanx.domain.alerts import AlertKind
from phalanx.domain.events import AlertRulePut, AlertRuleRemoved, Event
from phalanx.domain.time import Clock, Nanoseconds, iso
from phalanx.engine.state import State

ALERTS_KEPT: Final = 500
ACCOUNTS_TOLD_MAX: Final = 20
STOP_S: Final = 2.0
TEST: Final = "test"

HEADS: Final[Mapping[AlertKind, str]] = {
    AlertKind.REJECT_STORM: "REJECTED",
    AlertKind.IN_DOUBT: "IN DOUBT",
    AlertKind.BREAK: "BREAK",
    AlertKind.BREAK_OVERDUE: "BREAK OVERDUE",
    AlertKind.UNFILLED_EXIT: "EXIT UNFILLED",
    AlertKind.LIMIT_HIT: "LIMIT",
    AlertKind.DEAD_LOGIN: "NO SESSION",
    AlertKind.KILL: "KILL",
    AlertKind.CHANGE_WAITING: "TO APPROVE",
    AlertKind.APPROVAL_WAITING: "TO APPROVE",
    AlertKind.LOGIN_FAILED: "LOGIN FAILED",
    AlertKind.LOSS: "LOSS",
    AlertKind.MARGIN_SHORT: "MARGIN",
    AlertKind.API_USAGE: "API USAGE",
}


_RULE_EVENTS: Final[frozenset[type]] = frozenset({AlertRulePut, AlertRuleRemoved})


class Delivery(msgspec.Struct, frozen=True):
    """What became of an alert at one channel. ``why``: a code or an error's class."""

    channel: str
    outcome: Outcome
    why: str = ""


class Alert(msgspec.Struct):
    """One that was told. ``throttled``: so many like it were held back since."""

    message: Message
    deliveries: dict[str, Delivery]
    throttled: int = 0


MakeLine = Callable[[str, Sender, Told], Line]


class Alerts:
    """Rules, channels and what was told. ``symbol`` names instruments."""

    def __init__(
        self,
        state: State,
        symbol: Symbol,
        clock: Clock,
        channels: Channels,
        make_line: MakeLine = Line,
    ) -> None:
        self.channels = channels
        self.changing = asyncio.Lock()
        """Whoever changes channels holds it until the change is in use: what is sealed last is used last."""
        self._state = state
        self._symbol = symbol
        self._clock = clock
        self._make_line = make_line
        self._watch = Watch()
        self._standing = Standing()
        self._opened: dict[str, Channel] = {}
        self._lines: dict[str, Line] = {}
        self._kept: deque[Alert] = deque(maxlen=ALERTS_KEPT)
        self._lock = Lock()
        self._next = 0
        self.counts = dict.fromkeys(Outcome, 0)
        """So many ended so, for the figures."""
        self._types: frozenset[type] = frozenset()
        self.use_rules()

    def use_rules(self) -> None:
        """Go by the rules as they are now."""
        self._watch.use(self._state.alert_rules.values())
        wanted = set(self._watch.kinds)
        self._types = _RULE_EVENTS | {type_ for type_, kind in KIND_OF.items() if kind in wanted}

    def observe(self, events: Sequence[Event], _last_seq: int) -> None:
        """These are durable; an observer of the desk."""
        types = self._types
        for event in events:
            if type(event) not in types:
                continue
            if type(event) in _RULE_EVENTS:
                self.use_rules()
                types = self._types
            for fact in facts_of(event, self._state, self._symbol):
                self.tell(fact)

    def tell(self, fact: Fact) -> None:
        """Something happened that no event says; on the loop's thread."""
        for due in self._watch.take(fact, self._state.groups_of):
            self._send(due)

    def look(self, closed: Mapping[AccountId, str]) -> None:
        """Time passed. ``closed``: the accounts that take no orders, with why."""
        now = self._clock.now()
        for fact in self._standing.look(self._state, closed, now):
            self.tell(fact)
        for due in self._watch.ripe(now):
            self._send(due)

    def recent(self) -> list[Alert]:
        """What was told, the newest first, as it stands now; on the loop's thread."""
        with self._lock:
            found = [Alert(one.message, dict(one.deliveries)) for one in reversed(self._kept)]
        latest: set[tuple[str, str]] = set()
        for alert in found:
            key = (alert.message.rule, alert.message.subject)
            if key not in latest:
                alert.throttled = self._watch.held(*key)
                latest.add(key)
        return found

    def shown_channels(self) -> list[Channel]:
        """The channels by name, without their addresses; ``trouble`` CIRCUIT_OPEN: it failed just now."""
        found = []
        for name, channel in sorted(self._opened.items()):
            line = self._lines.get(name)
            is_open = line is not None and line.is_open
            found.append(
                msgspec.structs.replace(channel, trouble="CIRCUIT_OPEN") if is_open else channel
            )
        return found

    def use(self, opened: Iterable[Opened]) -> None:
        """These channels are there from now on."""
        for one in opened:
            name = one.channel.name
            self.drop(name)
            self._opened[name] = one.channel
            if one.sender is not None:
                self._lines[name] = self._make_line(name, one.sender, partial(self._told, name))

    def drop(self, name: str) -> None:
        """This channel is gone; what waits for it is dropped."""
        self._opened.pop(name, None)
        line = self._lines.pop(name, None)
        if line is not None:
            line.close()

    def test(self, name: str, actor: str) -> Alert:
        """Send a test to one channel. Raises AlertError UNKNOWN_CHANNEL."""
        if name not in self._opened:
            raise AlertError(UNKNOWN_CHANNEL, f"no channel {name}")
        text = f"TEST: alerts of this desk come here, says {plain(actor)}"
        message = Message(self._new_id(), TEST, TEST, name, text, self._clock.now())
        return self._deliver(message, (name,))

    def close(self) -> None:
        """Stop; waits for what is under way for two seconds at most. Blocking."""
        lines = list(self._lines.values())
        for line in lines:
            line.close()
        until = monotonic() + STOP_S
        for line in lines:
            line.join(max(0.0, until - monotonic()))

    def _send(self, due: Due) -> None:
        fact, rule = due.fact, due.rule
        message = Message(
            self._new_id(),
            rule.name,
            rule.what.value,
            fact.subject,
            self._worded(due),
            fact.at if not due.is_summary else self._clock.now(),
            fact.accounts[:ACCOUNTS_TOLD_MAX],
            fact.instruction,
        )
        self._deliver(message, rule.channels)

    def _deliver(self, message: Message, channels: Sequence[str]) -> Alert:
        names = dict.fromkeys(channels)
        alert = Alert(message, {name: Delivery(name, Outcome.WAITING) for name in names})
        with self._lock:
            self._kept.append(alert)
        for name in names:
            line = self._lines.get(name)
            if line is None:
                self._told(name, message, Outcome.FAILED, UNKNOWN_CHANNEL)
            else:
                line.put(message)
        return alert

    def _told(self, channel: str, message: Message, outcome: Outcome, why: str) -> None:
        """On the thread of a line, mostly."""
        with self._lock:
            self.counts[outcome] += 1
            for alert in reversed(self._kept):
                if alert.message.id == message.id:
                    alert.deliveries[channel] = Delivery(channel, outcome, why)
                    break

    def _worded(self, due: Due) -> str:
        """One line: what, how many since when, who and why, of which instruction."""
        fact = due.fact
        head = HEADS[fact.kind]
        if due.is_summary:
            head = f"{head} and {due.count} more since {self._clock_time(due.since)}"
        elif due.count > 1:
            head = f"{head} {due.count} since {self._clock_time(due.since)}"
        tail = f" ({fact.instruction})" if fact.instruction else ""
        latest = "last " if due.count > 1 and fact.count == 1 else ""
        return cut(f"{head}: {latest}{fact.text}", TEXT_CHARACTERS_MAX - len(tail)) + tail

    def _clock_time(self, at: Nanoseconds) -> str:
        return iso(at, self._state.settings.zone_offset_s)[11:19]

    def _new_id(self) -> str:
        self._next += 1
        return f"A{self._clock.now() // 1_000_000}-{self._next}"
