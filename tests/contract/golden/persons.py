"""What persons have to say: accounts armed, and changes that were approved, declined, or forgotten;
and who is told what.
"""

import msgspec

from phalanx.bootstrap import System
from phalanx.domain.accounts import Account, LivePlace, Mode
from phalanx.domain.alerts import AlertKind, AlertRule
from phalanx.domain.groups import Group, Member
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.sessions import DayChange, DayKind, Phase, PhaseWindow, clock_s
from phalanx.engine import commands as c

ANN = Origin("ann", Door.SETTINGS)
BOB = Origin("bob", Door.CHANGES)
LIVE = "GOLDEN-LIVE"


async def persons(system: System) -> None:
    """Every event of theirs; two changes are left, of which one is over before the next term's first tick."""
    desk = system.desk
    owner = next(iter(desk.state.clients))
    account = Account(LIVE, owner, mode=Mode.LIVE, primary=False)
    await desk.execute(c.PutReference(ANN, accounts=(account,)))
    await desk.execute(c.ArmAccounts(ANN, (LIVE,), "the open"))
    await desk.execute(c.DisarmAccounts(BOB, (LIVE,)))
    await desk.execute(c.ArmAccounts(ANN, (LIVE,)))

    limit = Limit(LimitLevel.ACCOUNT, LIVE, value_max=whole(10))
    of_group = Limit(LimitLevel.GROUP, "two", position_max=whole(10))
    await desk.execute(c.PutGroups(ANN, (Group("two", (Member(LIVE),)),)))
    await desk.execute(c.PutLimits(ANN, (limit, of_group)))
    await desk.execute(c.PutKill(ANN))
    settings = msgspec.structs.replace(desk.state.settings, two_persons=True)
    await desk.execute(c.PutReference(ANN, settings=settings))

    looser = msgspec.structs.replace(limit, value_max=None)
    await desk.execute(c.PutLimits(ANN, (looser,)))
    await desk.execute(c.DeclineChange(BOB, _last(system), "not today"))
    await desk.execute(c.PutGroups(ANN, removed=("two",)))
    await desk.execute(c.ApproveChange(BOB, _last(system), "fine"))
    await desk.execute(c.LiftKill(ANN))
    await desk.execute(c.ApproveChange(BOB, _last(system)))
    await desk.execute(c.PutLimits(ANN, removed=((LimitLevel.ACCOUNT, LIVE),)))
    quick = msgspec.structs.replace(settings, change_expires_s=1)
    await desk.execute(c.PutReference(ANN, settings=quick))
    wider = msgspec.structs.replace(quick, stale_after_s=60)
    await desk.execute(c.PutReference(ANN, settings=wider))
    alone = msgspec.structs.replace(quick, two_persons=False)
    await desk.execute(c.PutReference(ANN, settings=alone))
    await desk.execute(c.ApproveChange(BOB, _last(system)))


async def alert_rules(system: System) -> None:
    """Who is told what; one rule is left."""
    desk = system.desk
    rules = [AlertRule(name, AlertKind.KILL, ("phone",), (LIVE,)) for name in ("kept", "gone")]
    await desk.execute(c.PutAlertRules(ANN, tuple(rules)))
    await desk.execute(c.PutAlertRules(ANN, removed=("gone",)))


async def calendar(system: System) -> None:
    """A special session, a holiday, and a stock with a closing auction."""
    desk = system.desk
    special = (PhaseWindow(Phase.CONTINUOUS, clock_s(18, 15), clock_s(19, 15)),)
    days = (
        DayChange(20_765, DayKind.SPECIAL, special, "Muhurat"),
        DayChange(20_781, DayKind.HOLIDAY, note="Guru Nanak Jayanti"),
    )
    await desk.execute(c.PutCalendar(ANN, days))
    await desk.execute(c.PutClosingAuction(ANN, ("INFY",)))


async def modes(system: System) -> None:
    """An account with a place to be live at, switched there and back."""
    desk = system.desk
    owner = next(iter(desk.state.clients))
    place = LivePlace("stub", "dealer-1", "AA020")
    account = Account("GOLDEN-PAPER", owner, primary=False, live=place)
    await desk.execute(c.PutReference(ANN, accounts=(account,)))
    await desk.execute(c.SwitchMode(ANN, account.id, Mode.LIVE))
    await desk.execute(c.SwitchMode(ANN, account.id, Mode.PAPER))


def _last(system: System) -> str:
    return list(system.desk.state.changes)[-1]
