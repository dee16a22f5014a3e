"""Somebody who works at a system: asks for things in one line, and knows what came of them."""

import asyncio
from collections.abc import Sequence

import msgspec

from phalanx.bootstrap import System
from phalanx.domain.accounts import Account, FillProfile
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import (
    CancelRestRequest,
    Door,
    FollowUp,
    InstructionId,
    InstructionRequest,
    OrderRequest,
    Origin,
    SignalRequest,
)
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import SCALE, Price, parse_fixed, whole
from phalanx.domain.orders import ClOrdId, OrdType, Product, Side, TimeInForce
from phalanx.domain.time import SECOND
from phalanx.engine.commands import Command, PutReference, Submit

ORIGIN = Origin("local", Door.INSTRUCTIONS, "golden")


class Hand:
    """Every method returns once it is durable."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.desk = system.desk

    async def do(self, command: Command) -> None:
        """Any command."""
        await self.desk.execute(command)

    async def give(
        self,
        request: InstructionRequest,
        *,
        key: str = "",
        in_s: float = 0,
        expires_s: int | None = None,
        parent: InstructionId = "",
        follow_up: FollowUp | None = None,
    ) -> InstructionPlanned | InstructionHeld:
        """An instruction, for now or for later."""
        origin = msgspec.structs.replace(ORIGIN, idempotency_key=key, fingerprint=key.encode())
        fire_at = self.desk.clock.now() + int(in_s * SECOND) if in_s else 0
        command = Submit(
            origin,
            request,
            "golden",
            expires_s,
            fire_at=fire_at,
            parent=parent,
            follow_up=follow_up,
        )
        return _instruction((await self.desk.execute(command)).events[0])

    async def fire_preview(self, request: InstructionRequest, *, moved: Command) -> None:
        """Preview, let something change, fire what was previewed."""
        command = Submit(ORIGIN, request, "golden")
        previewed = await self.desk.preview(command)
        await self.do(moved)
        await self.desk.fire(command, previewed.token, refuse=False)

    async def signal(self, strategy: str, side: Side, instrument: str, key: str = "") -> None:
        """STRATEGY says BUY or SELL."""
        await self.give(SignalRequest(strategy, instrument, side), key=key)

    async def order(
        self,
        client: int,
        side: Side,
        quantity: int,
        price: str = "",
        *,
        stop: str = "",
        instrument: str = "INFY",
        product: Product = Product.DELIVERY,
        time_in_force: TimeInForce = TimeInForce.DAY,
    ) -> ClOrdId:
        """One order; LIMIT with a price, a stop with a stop. Its id, or empty when it is refused."""
        kinds = {
            (False, False): OrdType.MARKET,
            (True, False): OrdType.LIMIT,
            (False, True): OrdType.STOP,
            (True, True): OrdType.STOP_LIMIT,
        }
        request = OrderRequest(
            client,
            "",
            instrument,
            side,
            product,
            kinds[bool(price), bool(stop)],
            whole(quantity),
            parse_fixed(price or "0"),
            time_in_force,
            parse_fixed(stop or "0"),
        )
        orders = orders_of(await self.give(request))
        return orders[0] if orders else ""

    async def cancel_rest(self, given: InstructionPlanned | InstructionHeld) -> None:
        """Cancel what is open of it."""
        request = CancelRestRequest(given.instruction_id)
        await self.give(request, parent=given.instruction_id, follow_up=FollowUp.CANCEL)

    async def treat(self, account: str, **profile: int) -> None:
        """Change how paper treats an account."""
        await self.change(account, fill_profile=FillProfile(**profile))

    async def change(self, account: str, **terms: object) -> None:
        """Change an account's terms."""
        before: Account = self.desk.state.accounts[account]
        after = msgspec.structs.replace(before, **terms)
        await self.do(PutReference(ORIGIN, accounts=(after,)))

    def key(self, name: str) -> InstrumentKey:
        """The instrument of that name."""
        instrument = self.desk.instruments.resolve(name)
        assert instrument is not None, name
        return instrument.key

    def price(self, name: str, basis_points: int = 0) -> Price:
        """On a tick, so far from the last price."""
        quote = self.system.quotes.get(self.key(name))
        assert quote is not None
        tick = SCALE // 10
        return quote.last * (10_000 + basis_points) // 10_000 // tick * tick

    async def wait(self, seconds: float) -> None:
        """Let the broker work."""
        await asyncio.sleep(seconds)


def orders_of(given: InstructionPlanned | InstructionHeld) -> Sequence[ClOrdId]:
    """The ids of its orders."""
    return [draft.cl_ord_id for draft in getattr(given, "orders", ())]


def _instruction(event: object) -> InstructionPlanned | InstructionHeld:
    assert isinstance(event, InstructionPlanned | InstructionHeld)
    return event
