"""A disk that lied: the end of the journal is lost together with its anchor, and nothing of ours can tell.

Only a broker can, that has an order with a tag which the journal never gave: every account is closed
until a person has settled that. Before a reading shows it the id of a lost order may be given again; of
an order that has one by then nothing is said here.
"""

from collections.abc import Iterator

from phalanx.domain.accounts import AccountId
from phalanx.domain.breaks import BreakKind
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import InstructionPlanned, OrderEnded, OrderReported, decode_events
from phalanx.domain.orders import ClOrdId
from phalanx.journal.record import decode_row
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.faults.life import Life
from phalanx.simulation.invariants.brokers import Brokers
from phalanx.simulation.invariants.named import Invariant, holds
from phalanx.simulation.invariants.truth import Truth
from phalanx.simulation.world import World

READ_S_MAX = 120
"""By then each account's book was read, with no faults any more."""

STAYS_S = 5
"""So long at least nothing opens it again."""


class Forgetting:
    """Loses the end of a journal, and sees that nobody overlooks it."""

    def __init__(self, world: World, life: Life, truth: Truth, brokers: Brokers) -> None:
        self._world = world
        self._life = life
        self._truth = truth
        self._brokers = brokers

    async def forget(self) -> None:
        """Back to before the latest order that a broker with tags has, if there is one. Raises Violation.

        From here on the judges go by what is left on the disk.
        """
        self._life.kill()
        count = self._records_to_lose()
        if count:
            self._world.lose_tail(count, with_anchor=True)
            self._life.say(f"{count} records and their anchor are lost for ever")
            written = self._truth.writes.written
            self._truth.forget()
            self._brokers.forget(written, self._truth.disk)
        await self._life.again()
        if count:
            await self._check_closed()

    def _records_to_lose(self) -> int:
        """0: there is no such order."""
        taken: set[ClOrdId] = set()
        for exchange in self._tagging():
            taken.update(exchange.taken)
        blobs, tail = self._world.disk.blobs, self._world.disk.tail
        assert tail is not None
        for number in range(tail.record, 0, -1):
            record = decode_row(number, blobs[number], is_last=number == tail.record)
            for event in decode_events(record.body):
                match event:
                    case InstructionPlanned():
                        drafts = event.orders
                    case OrderReported() | OrderEnded():
                        drafts = event.children
                    case _:
                        continue
                if any(draft.cl_ord_id in taken for draft in drafts):
                    return tail.record - number + 1
        return 0

    async def _check_closed(self) -> None:
        left = dict(self._unknown())
        for _ in range(READ_S_MAX):
            if self._is_told(left) or self._brokers.is_muddled():
                break
            await self._world.wait(1)
        for _ in range(STAYS_S):
            await self._world.wait(1)
            with holds(Invariant.LOST_TAIL):
                assert self._is_told(left), f"nobody was told of {left}"
                open_ones = set(left.values()) - self._world.desk.closed.keys()
                assert not open_ones, f"{open_ones} are open, and the journal has lost their orders"

    def _unknown(self) -> Iterator[tuple[ClOrdId, AccountId]]:
        for exchange in self._tagging():
            for tag in self._brokers.unknown & exchange.taken.keys():
                yield tag, exchange.taken[tag][0].account

    def _is_told(self, tags: dict[ClOrdId, AccountId]) -> bool:
        """Whether each of them has a break."""
        breaks = self._world.desk.state.breaks.values()
        told = {one.subject for one in breaks if one.kind is BreakKind.ORDER_UNKNOWN}
        return told >= tags.keys()

    def _tagging(self) -> list[StubExchange]:
        exchanges = self._world.exchanges.values()
        return [one for one in exchanges if one.kind is not BrokerKind.NO_TAG]
