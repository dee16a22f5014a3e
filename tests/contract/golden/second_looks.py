"""Approval and undo in a golden journal: asked for, given, refused, not needed until its time; and undone."""

from msgspec.structs import replace

from phalanx.bootstrap import System
from phalanx.domain.instructions import OrderRequest
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.engine.commands import Approve, Decline, PutReference, Submit
from tests.contract.golden.hand import ORIGIN, Hand

CHECKER = replace(ORIGIN, actor="checker")
TERMS = (Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(1))
ONE = OrderRequest(1, "", "TCS", *TERMS)


async def second_looks(system: System) -> None:
    """The settings are as they were afterwards; one instruction waits to the end."""
    hand = Hand(system)
    before = system.desk.state.settings
    for decide in (Approve, Decline, None):
        command = Submit(ORIGIN, ONE, "golden", ask=True)
        (held,) = (await hand.desk.execute(command)).events
        if decide is not None:
            await hand.do(decide(CHECKER, held.instruction_id, "golden"))  # type: ignore[union-attr]
    await hand.give(ONE, in_s=0.5)
    checked = replace(before, approve_above=1, approval_expires_s=2, undo_ms=300)
    await hand.do(PutReference(ORIGIN, settings=checked))
    await hand.wait(3)
    undoable = replace(before, undo_ms=300)
    await hand.do(PutReference(ORIGIN, settings=undoable))
    undone = await hand.give(ONE, key="undone")
    await hand.cancel_rest(undone)
    await hand.give(ONE, key="released")
    await hand.wait(0.5)
    await hand.do(PutReference(ORIGIN, settings=before))
