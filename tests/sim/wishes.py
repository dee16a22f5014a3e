"""What the clients of a story ask for: every kind of instruction, and all that changes beside them."""

import random
from collections.abc import Awaitable, Callable
from typing import Protocol

from phalanx.desk.desk import Executed
from phalanx.desk.previews import Previewed
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.groups import Group, Member, PriorityList
from phalanx.domain.instructions import (
    CancelRestRequest,
    Door,
    ExitRequest,
    ExitScope,
    FollowUp,
    InstructionRequest,
    Origin,
    Selection,
)
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.kills import EVERYBODY, KillLevel, KillScope
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import TERMINAL, OrdType, Product
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import DAY, HOUR, MILLISECOND, SECOND
from phalanx.engine import commands as c
from phalanx.engine.state import State
from phalanx.simulation.world import World
from tests.sim.people import GROUPS, KEYS, LISTS, STRATEGIES
from tests.sim.requests import Requests, on_tick, retry_rows, reverse_rows

Make = Callable[[Origin], c.Command]


class Asking(Protocol):
    """Ask until there is an answer. ``token``: of the preview that is fired."""

    async def __call__(
        self, make: Make, *, token: str = "", refuse: bool = False
    ) -> Executed | None: ...


class Wishes:
    """Draws one wish after another. ``alive`` waits for a process, ``preview`` asks it for one."""

    def __init__(
        self,
        chance: random.Random,
        world: World,
        ask: Asking,
        alive: Callable[[], Awaitable[object]],
        preview: Callable[[c.Submit], Awaitable[Previewed | None]],
    ) -> None:
        self._chance = chance
        self._world = world
        self._ask = ask
        self._alive = alive
        self._preview = preview
        self._requests = Requests(chance, world)
        self._given: list[InstructionPlanned | InstructionHeld] = []
        self.fired: list[tuple[Previewed, InstructionPlanned, bool]] = []
        """What came of previews: the preview, what was fired, whether it was all or nothing."""
        self._wishes: tuple[tuple[Callable[[], Awaitable[None]], int], ...] = (
            (self._instruction, 50),
            (self._at_a_time, 5),
            (self._previewed, 6),
            (self._follow_up, 12),
            (self._cancel, 9),
            (self._replace, 9),
            (self._fill_by_hand, 5),
            (self._kill, 2),
            (self._flatten, 3),
            (self._reference, 6),
            (self._settings, 2),
            (self._adopt, 2),
            (self._skew, 1),
        )

    async def next(self) -> None:
        """One more wish, fulfilled or refused when this returns."""
        wishes, weights = zip(*self._wishes, strict=True)
        await self._alive()
        await self._chance.choices(wishes, weights)[0]()

    # --- instructions ----------------------------------------------------------------------------

    async def _instruction(self) -> None:
        request = self._requests.any()
        expires_s = self._chance.choice((None, None, 1))
        await self._give(lambda origin: c.Submit(origin, request, expires_s=expires_s))

    async def _at_a_time(self) -> None:
        request = self._requests.any()
        now = self._world.desk.clock.now()
        fire_at = now + self._chance.choice((MILLISECOND, SECOND, 3 * SECOND))
        expires_s = self._chance.choice((None, 1))
        await self._give(
            lambda origin: c.Submit(origin, request, expires_s=expires_s, fire_at=fire_at)
        )

    async def _previewed(self) -> None:
        request = self._requests.any()
        previewed = await self._preview(c.Submit(Origin("local", Door.INSTRUCTIONS), request))
        if previewed is None or not previewed.token:
            return
        await self._world.wait(self._chance.choice((0, 0.05, 1.0)))
        refuse = self._chance.random() < 0.5
        event = await self._give(
            lambda origin: c.Submit(origin, request), token=previewed.token, refuse=refuse
        )
        if isinstance(event, InstructionPlanned):
            self.fired.append((previewed, event, refuse))

    async def _follow_up(self) -> None:
        """Cancel, retry, reverse or repeat something that was given before, a moment after looking."""
        parents = self._given[-12:]
        if self._chance.random() < 0.5:
            parents = [one for one in self._given if FollowUp.RETRY in self._possible(one)]
        if not parents:
            return
        parent = self._chance.choice(parents)
        follow_up = self._chance.choice(self._possible(parent))
        request = self._following(parent, follow_up)
        if request is None:
            return
        await self._world.wait(self._chance.choice((0, 0.01, 0.3)))
        await self._give(
            lambda origin: c.Submit(
                origin, request, parent=parent.instruction_id, follow_up=follow_up
            )
        )

    def _possible(self, parent: InstructionPlanned | InstructionHeld) -> list[FollowUp]:
        own = [
            FollowUp.REVERSE if order.cum_quantity else FollowUp.RETRY
            for order in self._state.orders.values()
            if order.instruction_id == parent.instruction_id and order.status in TERMINAL
        ]
        return [*own, FollowUp.CANCEL, FollowUp.REPEAT]

    def _following(
        self, parent: InstructionPlanned | InstructionHeld, follow_up: FollowUp
    ) -> InstructionRequest | None:
        state = self._world.desk.state
        match follow_up:
            case FollowUp.CANCEL:
                return CancelRestRequest(parent.instruction_id)
            case FollowUp.REPEAT:
                return parent.request
            case FollowUp.RETRY:
                return retry_rows(state, parent.instruction_id)
            case FollowUp.REVERSE:
                return reverse_rows(state, parent.instruction_id)

    async def _give(
        self, make: Make, *, token: str = "", refuse: bool = False
    ) -> InstructionPlanned | InstructionHeld | None:
        executed = await self._ask(make, token=token, refuse=refuse)
        if executed is None:
            return None
        first = executed.events[0]
        assert isinstance(first, InstructionPlanned | InstructionHeld)
        self._given.append(first)
        return first

    # --- single orders ---------------------------------------------------------------------------

    async def _cancel(self) -> None:
        cl_ord_id = self._some_open_order()
        if cl_ord_id is not None:
            await self._ask(lambda origin: c.CancelOrder(origin, cl_ord_id))

    async def _replace(self) -> None:
        cl_ord_id = self._some_open_order()
        if cl_ord_id is None:
            return
        asked = self._world.desk.state.orders[cl_ord_id]
        quantity = max(whole(1), asked.quantity + whole(self._chance.randint(-5, 5)))
        price = None
        if asked.draft.ord_type in {OrdType.LIMIT, OrdType.STOP_LIMIT}:
            price = on_tick(asked.limit, self._chance.choice((-50, 0, 50)))
        await self._ask(lambda origin: c.ReplaceOrder(origin, cl_ord_id, quantity, price))

    async def _fill_by_hand(self) -> None:
        cl_ord_id = self._some_open_order()
        if cl_ord_id is None:
            return
        order = self._world.desk.state.orders[cl_ord_id]
        part = order.leaves_quantity // self._chance.choice((1, 2))
        instrument = self._world.desk.instruments.get(order.draft.instrument)
        assert instrument is not None
        quantity = max(part // instrument.lot_size, 1) * instrument.lot_size
        price = self._chance.choice((0, order.limit))
        await self._ask(lambda origin: c.FillByHand(origin, cl_ord_id, quantity, price))

    def _some_open_order(self) -> str | None:
        found = [o.draft.cl_ord_id for o in self._world.desk.state.open_orders()]
        return self._chance.choice(found) if found else None

    # --- kills -----------------------------------------------------------------------------------

    async def _kill(self) -> None:
        scope = self._scope()
        await self._ask(lambda origin: c.PutKill(origin, scope))
        await self._world.wait(self._chance.random())
        await self._ask(lambda origin: c.LiftKill(origin, scope))

    async def _flatten(self) -> None:
        """A kill with an exit of today's positions under it, as that door does it."""
        account = self._chance.choice(("", self._some_account()))
        scope = KillScope(KillLevel.ACCOUNT, account) if account else EVERYBODY
        await self._ask(lambda origin: c.PutKill(origin, scope))
        selection = Selection(accounts=(account,) if account else ())
        request = ExitRequest(scope=ExitScope.POSITIONS, selection=selection)
        await self._give(lambda origin: c.Submit(origin, request, "flatten"))
        await self._world.wait(self._chance.random())
        await self._ask(lambda origin: c.LiftKill(origin, scope))

    def _scope(self) -> KillScope:
        account = self._state.accounts[self._some_account()]
        strategies = tuple(self._state.strategies)
        return self._chance.choice(
            (
                EVERYBODY,
                KillScope(KillLevel.BROKER, account.broker),
                KillScope(KillLevel.STRATEGY, self._chance.choice(strategies)),
                KillScope(KillLevel.CLIENT, str(account.client_id)),
                KillScope(KillLevel.ACCOUNT, account.id),
            )
        )

    # --- what changes beside ---------------------------------------------------------------------

    async def _reference(self) -> None:
        make = self._chance.choice((self._groups, self._lists, self._limits))()
        await self._ask(make)

    def _groups(self) -> Make:
        name = self._chance.choice(GROUPS)
        if name in self._state.groups and self._chance.random() < 0.2:
            return lambda origin: c.PutGroups(origin, removed=(name,))
        accounts = list(self._state.accounts)
        chosen = self._chance.sample(accounts, self._chance.randint(1, len(accounts)))
        members = tuple(
            Member(account, whole(self._chance.choice((1, 2, 3)))) for account in chosen
        )
        return lambda origin: c.PutGroups(origin, (Group(name, members),))

    def _lists(self) -> Make:
        name = self._chance.choice(LISTS)
        if name in self._state.lists and self._chance.random() < 0.2:
            return lambda origin: c.PutLists(origin, removed=(name,))
        keys = tuple(self._chance.sample(KEYS, self._chance.randint(1, len(KEYS))))
        return lambda origin: c.PutLists(origin, (PriorityList(name, keys),))

    def _limits(self) -> Make:
        pick = self._chance.choice
        names = {
            LimitLevel.GLOBAL: "",
            LimitLevel.GROUP: pick(GROUPS),
            LimitLevel.CLIENT: str(pick(list(self._state.clients))),
            LimitLevel.ACCOUNT: self._some_account(),
            LimitLevel.STRATEGY: pick(STRATEGIES),
        }
        level = pick(list(LimitLevel))
        if self._state.limits and self._chance.random() < 0.4:
            limit = pick(list(self._state.limits.values()))
            return lambda origin: c.PutLimits(origin, removed=((limit.level, limit.name),))
        restricted: tuple[InstrumentKey, ...] = pick(((), (), (pick(KEYS),)))
        bounds = Limit(
            level,
            names[level],
            pick((None, whole(10))),
            pick((None, whole(30_000))),
            pick((None, whole(25))),
            pick((None, 40)),
            restricted,
        )
        return lambda origin: c.PutLimits(origin, (bounds,))

    async def _settings(self) -> None:
        pick = self._chance.choice
        settings = RiskSettings(
            quantity_max=pick((whole(1_000_000), whole(12))),
            protection_bps=pick((100, 10, 300)),
            entry_cancel_after_s=pick((30, 1, 2)),
            exit_reprice_after_s=pick((5, 1)),
            collar_bps=pick((100, 0)),
            held_max=pick((1_000, 1)),
        )
        await self._ask(lambda origin: c.PutReference(origin, settings=settings))

    async def _adopt(self) -> None:
        """Somebody's positions of before come in: some bought yesterday, some of unknown cost."""
        pick = self._chance.choice
        lots = tuple(
            c.AdoptedLot(
                self._state.accounts[self._some_account()].book,
                pick(KEYS[:2]),
                pick((Product.DELIVERY, Product.DELIVERY, Product.MTF)),
                whole(self._chance.randint(1, 20)),
                pick((None, whole(1_000))),
                self._world.desk.clock.now() - pick((0, DAY, 30 * DAY)),
            )
            for _ in range(self._chance.randint(1, 2))
        )
        await self._ask(lambda origin: c.AdoptLots(origin, lots))

    async def _skew(self) -> None:
        """Somebody sets the wall clock."""
        self._world.clock.skew = self._chance.choice((-HOUR, -SECOND, 0, SECOND, 40 * SECOND))

    def _some_account(self) -> AccountId:
        return self._chance.choice(list(self._state.accounts))

    @property
    def _state(self) -> State:
        return self._world.desk.state
