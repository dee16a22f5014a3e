"""The paper broker's harness: behaviours are fill profiles."""

from msgspec.structs import replace

from phalanx.brokers.port import PlaceRequest
from phalanx.domain.accounts import FillProfile
from phalanx.domain.numbers import format_fixed
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.time import MILLISECOND
from tests.contract.brokers.harness import Behaviour, Trouble
from tests.fakes.paper import PaperWorld, order

_PROFILES = {
    Behaviour.FILLS: FillProfile(slippage_bps=500),
    Behaviour.FILLS_IN_PARTS: FillProfile(fill_duration_ms=300, slices=3),
    Behaviour.RESTS: FillProfile(filled_bps=0),
    Behaviour.REJECTS: FillProfile(reject_bps=10_000),
    Behaviour.IS_SLOW: FillProfile(ack_delay_ms=1_000),
    Behaviour.WAITS: FillProfile(),
}
_FAULTS: dict[Trouble, dict[str, int]] = {
    Trouble.LOSES_AN_ANSWER: {"lost_ack_bps": 10_000},
    Trouble.REPEATS_REPORTS: {"duplicate_report_bps": 10_000},
    Trouble.MISSES_REPORTS: {"dropped_socket_bps": 10_000},
}
_STOPS = {Side.BUY: "100.5", Side.SELL: "99.5"}


class PaperHarness:
    def __init__(self) -> None:
        self._world = PaperWorld()
        self._tags = 0
        for behaviour, profile in _PROFILES.items():
            self._world.open_account(behaviour.name, profile)
        self.broker = self._world.broker
        self.reports = self._world.reports
        self.told = self._world.sessions

    async def start(self) -> None:
        """Everything is there already."""

    async def stop(self) -> None:
        """Nothing is left behind."""

    def order(
        self,
        behaviour: Behaviour,
        *,
        side: Side = Side.BUY,
        ord_type: OrdType = OrdType.LIMIT,
        product: Product = Product.DELIVERY,
        time_in_force: TimeInForce = TimeInForce.DAY,
        tag: str = "",
    ) -> PlaceRequest:
        self._tags += 1
        stop = _STOPS[side] if behaviour is Behaviour.WAITS else "100"
        return order(
            tag or f"AA{self._tags:08}",
            side,
            limit="101" if side == Side.BUY else "99",
            ord_type=ord_type,
            account=behaviour.name,
            product=product,
            time_in_force=time_in_force,
            stop=stop if ord_type in {OrdType.STOP, OrdType.STOP_LIMIT} else "0",
        )

    async def upset(self, trouble: Trouble) -> bool:
        fault = _FAULTS.get(trouble)
        if fault is None:
            return False
        for behaviour, profile in _PROFILES.items():
            self._world.open_account(behaviour.name, replace(profile, **fault))
        return True

    async def part(self) -> None:
        self._world.clock.advance(150 * MILLISECOND)

    async def reach(self, request: PlaceRequest) -> None:
        self._world.price(format_fixed(request.stop_price))

    async def settle(self) -> None:
        self._world.clock.advance(10_000 * MILLISECOND)
