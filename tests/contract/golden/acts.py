"""Facts of people's acts: one at once, and a flood of failures that becomes two."""

from phalanx.bootstrap import System
from phalanx.domain.audit import Act
from phalanx.domain.hooks import HookFence, HookMode, HookSource, HookTemplate, HookVerification
from phalanx.domain.instructions import Door, Origin
from phalanx.engine.commands import PutHooks, RecordAccess

ANN = Origin("ann", Door.ACCESS, "r1", address="192.0.2.7")
STRANGER = Origin("", Door.ACCESS, "r2", address="192.0.2.8")


def source(name: str) -> HookSource:
    """A source of alerts with a fence."""
    template = HookTemplate('{"kind":"signal","strategy":"STRATEGY_B"}')
    fence = HookFence(strategies=("STRATEGY_B",))
    return HookSource(name, HookMode.ASK, HookVerification.HMAC, template, fence=fence)


async def acts(system: System) -> None:
    """The last of them is journaled by the stop."""
    auditing = system.auditing
    await auditing.told(RecordAccess(ANN, Act.CREDENTIAL_READ, "dealer-1", "for the stub broker"))
    await system.desk.execute(PutHooks(ANN, (source("charts"), source("alerts"))))
    await system.desk.execute(PutHooks(ANN, removed=("alerts",)))
    for _ in range(25):
        auditing.tell(RecordAccess(STRANGER, Act.LOGIN_FAILED, "ann"))
