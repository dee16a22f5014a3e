"""From durable events to what is handed to channels."""

import pytest

from phalanx.alerts.alerts import ALERTS_KEPT, HEADS, STOP_S, Alerts
from phalanx.alerts.channels import Channel, Channels, Opened
from phalanx.alerts.errors import AlertError
from phalanx.alerts.lines import Line, Outcome, Sender, Told
from phalanx.alerts.matching import Fact
from phalanx.alerts.message import TEXT_CHARACTERS_MAX, Message
from phalanx.domain.alerts import AlertKind, AlertRule
from phalanx.domain.events import KillPut
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, World
from tests.fakes.clock import ManualClock

KILL = AlertRule("kills", AlertKind.KILL, ("phone", "nowhere"), throttle_s=60)
ANN = Origin("ann", Door.KILL)


class Silent:
    def send(self, message: Message) -> None: ...


class HandLine(Line):
    """Keeps what it is given; a test says what became of it."""

    def __init__(self, name: str, sender: Sender, told: Told) -> None:
        super().__init__(name, sender, told)
        self.told = told
        self.given: list[Message] = []
        self.joined: list[float] = []

    def put(self, message: Message) -> None:
        self.given.append(message)

    def join(self, timeout_s: float) -> None:
        self.joined.append(timeout_s)


class Rig:
    def __init__(self) -> None:
        self.world = World()
        self.world.account(1)
        self.clock = ManualClock()
        self.lines: dict[str, HandLine] = {}
        channels = Channels(lambda *_: Silent())
        self.alerts = Alerts(
            self.world.state, lambda key: key, self.clock, channels, self._make_line
        )
        self.alerts.use([Opened(Channel("phone", "discord"), Silent())])

    def _make_line(self, name: str, sender: Sender, told: Told) -> HandLine:
        self.lines[name] = HandLine(name, sender, told)
        return self.lines[name]

    def rules(self, *rules: AlertRule) -> None:
        events = self.world.do(c.PutAlertRules(LOCAL, rules))
        self.alerts.observe(events, 1)

    def kill(self, at_s: int = 1) -> None:
        self.alerts.observe([KillPut(at_s * SECOND, ANN, "", "why")], 2)

    @property
    def given(self) -> list[str]:
        return [one.text for one in self.lines["phone"].given]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_nothing_is_told_without_a_rule(rig: Rig) -> None:
    rig.kill()

    assert rig.given == []
    assert rig.alerts.recent() == []


def test_a_rule_works_from_its_event_on_until_it_is_removed(rig: Rig) -> None:
    rig.rules(KILL)
    rig.kill()
    assert rig.given == ["KILL: everybody stopped by ann: why"]

    rig.alerts.observe(rig.world.do(c.PutAlertRules(LOCAL, removed=("kills",))), 3)
    rig.kill(1_000)
    assert len(rig.given) == 1


def test_what_became_of_it_is_shown(rig: Rig) -> None:
    rig.rules(KILL)
    rig.kill()
    (alert,) = rig.alerts.recent()
    assert alert.deliveries["phone"].outcome is Outcome.WAITING
    assert alert.deliveries["nowhere"].why == "UNKNOWN_CHANNEL"

    line = rig.lines["phone"]
    line.told(line.given[0], Outcome.FAILED, "HTTP_404")
    (alert,) = rig.alerts.recent()
    delivery = alert.deliveries["phone"]
    assert (delivery.outcome, delivery.why) == (Outcome.FAILED, "HTTP_404")
    assert rig.alerts.counts[Outcome.FAILED] == 2


def test_what_is_held_back_is_counted_and_summed_up(rig: Rig) -> None:
    rig.rules(KILL)
    start = rig.clock.now() // SECOND
    for number in range(38):
        rig.kill(start + number)
    assert len(rig.given) == 1
    assert rig.alerts.recent()[0].throttled == 37

    rig.clock.jump(61 * SECOND)
    rig.alerts.look({})
    assert len(rig.given) == 2
    assert rig.given[1].startswith("KILL and 37 more since ")
    assert [one.throttled for one in rig.alerts.recent()] == [0, 0]


def test_a_storm_says_how_many_since_when_in_the_desk_s_zone(rig: Rig) -> None:
    rule = AlertRule("storm", AlertKind.REJECT_STORM, ("phone",), threshold=2)
    rig.rules(rule)
    for _ in range(2):
        rig.alerts.tell(Fact(AlertKind.REJECT_STORM, "paper", "O1 A1", 0, ("A1",), "I9"))

    assert rig.given == ["REJECTED 2 since 05:30:00: last O1 A1 (I9)"]


def test_a_line_is_never_longer_than_a_phone_shows(rig: Rig) -> None:
    rig.rules(KILL)
    rig.alerts.tell(Fact(AlertKind.KILL, "x", "w" * 1_000, 0, (), "I12345"))

    assert len(rig.given[0]) == TEXT_CHARACTERS_MAX
    assert rig.given[0].endswith("(I12345)")


def test_accounts_without_a_session_are_told(rig: Rig) -> None:
    rig.rules(AlertRule("dead", AlertKind.DEAD_LOGIN, ("phone",)))
    rig.alerts.look({"A1": "logged out"})
    rig.clock.jump(31 * SECOND)
    rig.alerts.look({"A1": "logged out"})

    assert rig.given == ["NO SESSION: 1 accounts at paper are closed, first A1: logged out"]


def test_a_test_goes_to_one_channel(rig: Rig) -> None:
    alert = rig.alerts.test("phone", "ann")

    assert rig.given == ["TEST: alerts of this desk come here, says ann"]
    assert alert.deliveries.keys() == {"phone"}
    with pytest.raises(AlertError, match="UNKNOWN_CHANNEL"):
        rig.alerts.test("nowhere", "ann")


def test_channels_are_shown_by_name_and_replaced(rig: Rig) -> None:
    broken = Opened(Channel("bad", "json", "CHANNEL_NOT_ALLOWED"), None)
    first = rig.lines["phone"]
    rig.alerts.use([broken, Opened(Channel("phone", "slack"), Silent())])

    assert [one.name for one in rig.alerts.shown_channels()] == ["bad", "phone"]
    assert rig.lines["phone"] is not first
    rig.alerts.drop("bad")
    rig.alerts.drop("bad")
    assert [one.scheme for one in rig.alerts.shown_channels()] == ["slack"]


def test_the_last_alerts_are_kept(rig: Rig) -> None:
    for _ in range(ALERTS_KEPT + 1):
        rig.alerts.test("phone", "ann")
    oldest = rig.lines["phone"].given[0]

    assert len(rig.alerts.recent()) == ALERTS_KEPT
    # What became of one that is not kept any more is counted, and no more.
    rig.lines["phone"].told(oldest, Outcome.SENT, "")
    assert rig.alerts.counts[Outcome.SENT] == 1


def test_stopping_waits_for_two_seconds_at_most(rig: Rig) -> None:
    rig.alerts.use([Opened(Channel("other", "slack"), Silent())])
    rig.alerts.close()

    waits = [wait for line in rig.lines.values() for wait in line.joined]
    assert len(waits) == 2
    assert all(0 <= wait <= STOP_S for wait in waits)


def test_every_kind_has_a_head() -> None:
    assert HEADS.keys() == set(AlertKind)
