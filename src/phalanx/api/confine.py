"""What somebody asks for who may touch a part of the book only, kept to that part.

Every instruction of every door comes by here on its way to the desk. Whoever names somebody or something
outside is refused, in the same words whether there is such a one or not; where nobody is named, those within
reach are meant. What has no strategy is outside where strategies are a bound, and what names no instrument
where instruments are.
"""

from collections.abc import Iterable
from typing import Final, Never, assert_never

from msgspec.structs import replace

from phalanx.api.exchange import Call
from phalanx.api.problems import Problem
from phalanx.api.reach import EVERYTHING, Reach
from phalanx.domain.accounts import AccountId
from phalanx.domain.allocation import Method
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
    InstructionId,
    InstructionRequest,
    OrderRequest,
    Origin,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.instruments import (
    LOCAL_EXCHANGE,
    AmbiguousName,
    InstrumentIndex,
    InstrumentKey,
    instrument_key,
)
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.orders import ClOrdId, Side
from phalanx.engine.apply.lots import find_lot_of
from phalanx.engine.state import Order, State

_REPEATED: Final = CancelRestRequest("")
"""Of a repeat only the key is looked at. Whatever it is taken for, this does nothing."""


def confined(
    call: Call, origin: Origin, request: InstructionRequest, seen: InstructionId = ""
) -> InstructionRequest:
    """The request as the caller may have it planned. ``seen``: as `confine`.

    Raises Problem ``OUT_OF_REACH``, of an instruction to cancel ``UNKNOWN_INSTRUCTION``; Refused
    ``IDEMPOTENCY_KEY_REUSED``.
    """
    if call.principal.sees_all:
        return request
    if call.is_repeat(origin):
        return _REPEATED
    desk = call.desk
    return confine(request, call.reach, desk.state, desk.instruments, seen)


def confine(
    request: InstructionRequest,
    reach: Reach,
    state: State,
    instruments: InstrumentIndex,
    seen: InstructionId = "",
) -> InstructionRequest:
    """The request kept to what is within reach. Confined again it stays as it is.

    ``seen``: an instruction that the views showed to be within reach as a whole; another one that left
    memory is nobody's to cancel.

    Raises Problem ``OUT_OF_REACH``, ``UNKNOWN_INSTRUCTION``.
    """
    if reach == EVERYTHING:
        return request
    keeper = _Keeper(reach, state, instruments)
    match request:
        case SignalRequest():
            return keeper.signal(request)
        case OrderRequest():
            return keeper.order(request)
        case PriorityBuyRequest():
            return keeper.priority_buy(request)
        case BatchRequest():
            return replace(request, rows=tuple(map(keeper.row, request.rows)))
        case AllocatedRequest():
            return keeper.allocated(request)
        case ExitRequest():
            return keeper.exit(request)
        case CancelRestRequest():
            return keeper.cancel_rest(request, seen)
        case CancelOpenRequest():
            check_scope(request.scope, reach, state)
            return request
        case _:
            assert_never(request)


def check_order(call: Call, cl_ord_id: ClOrdId) -> None:
    """Raises Problem ``UNKNOWN_ORDER``, as of one that there is not, for an order out of reach."""
    if call.principal.sees_all:
        return
    order = call.desk.state.orders.get(cl_ord_id)
    if order is not None and not has_order(call.reach, call.desk.state, order):
        raise Problem("UNKNOWN_ORDER", f"no order {cl_ord_id} in memory")


def check_named(call: Call, client: int, account: AccountId = "") -> None:
    """Raises Problem ``OUT_OF_REACH`` for a client, or an account, that is not within reach."""
    if call.principal.sees_all:
        return
    reach = call.reach
    if not reach.has_client(client) or (account and not reach.has_account(account)):
        outside()


def check_scope(scope: KillScope, reach: Reach, state: State) -> None:
    """Raises Problem ``OUT_OF_REACH`` unless all that a kill's scope covers is within reach."""
    if not has_scope(scope, reach, state):
        outside()


def has_order(reach: Reach, state: State, order: Order) -> bool:
    """Whether an order in memory is within reach."""
    draft = order.draft
    return reach.has(state.book_of(order).account, draft.strategy, draft.instrument)


def outside() -> Never:
    """Raises Problem ``OUT_OF_REACH``, which says nothing of what there is."""
    detail = (
        "this is about somebody, or something, that is not yours to touch, or that there is not"
    )
    raise Problem("OUT_OF_REACH", detail)


def has_scope(scope: KillScope, reach: Reach, state: State) -> bool:
    """Whether all that a kill's scope covers is within reach."""
    if reach == EVERYTHING:
        return True
    match scope.level:
        case KillLevel.ACCOUNT:
            return reach.has_whole_account(scope.name)
        case KillLevel.CLIENT:
            clients = (one for one in state.clients if str(one) == scope.name)
            return any(reach.has_whole_client(one, state) for one in clients)
        case KillLevel.STRATEGY:
            is_all_of_it = reach.accounts is None and reach.instruments is None
            return is_all_of_it and scope.name in (reach.strategies or ())
        case KillLevel.ALL | KillLevel.BROKER:
            return False


class _Keeper:
    """One reach, and what names mean now."""

    def __init__(self, reach: Reach, state: State, instruments: InstrumentIndex) -> None:
        self._reach = reach
        self._state = state
        self._instruments = instruments

    def signal(self, request: SignalRequest) -> SignalRequest:
        """For those who subscribe; that nobody within reach does says nothing of a strategy of others.

        Where strategies are a bound a SELL closes their lots only, also where a ``sell_scope`` says more.
        What is open may change until it is planned, so the plan itself keeps to it.
        """
        reach = self._reach
        is_named = reach.strategies is not None
        if is_named and request.strategy not in (reach.strategies or ()):
            outside()
        within = reach.accounts or frozenset()
        everybody = [
            one for one in self._state.subscriptions.get(request.strategy, {}) if one in within
        ]
        if not everybody and is_named:
            everybody = sorted(within)
        is_bound = is_named and request.side is Side.SELL
        return replace(
            request,
            instrument=self._instrument(request.instrument),
            selection=self._selection(request.selection, everybody),
            lots_of=tuple(sorted(reach.strategies or ())) if is_bound else request.lots_of,
        )

    def order(self, request: OrderRequest) -> OrderRequest:
        """For its one account, by name: whoever is a client's primary account by then."""
        self._needs_no_strategy()
        return replace(
            request,
            account=self._account(request.client, request.account),
            instrument=self._instrument(request.instrument),
        )

    def row(self, row: BatchRow) -> BatchRow:
        """As a single order."""
        self._needs_no_strategy()
        return replace(
            row,
            account=self._account(row.client, row.account),
            instrument=self._instrument(row.instrument),
        )

    def priority_buy(self, request: PriorityBuyRequest) -> PriorityBuyRequest:
        """A kept list is the desk's: it is out of reach, unless instruments are the only bound; then it is
        what it says now.
        """
        self._needs_no_strategy()
        names = request.instruments
        if request.list_name:
            kept = self._state.lists.get(request.list_name)
            if kept is None or self._reach.accounts is not None:
                outside()
            names = kept.instruments
        return replace(
            request,
            list_name="",
            instruments=tuple(self._instrument(one) for one in names),
            selection=self._selection(request.selection, self._primary(), primary_only=True),
        )

    def allocated(self, request: AllocatedRequest) -> AllocatedRequest:
        """Nobody else than those that have a quantity, where quantities are given."""
        self._needs_no_strategy()
        allocation = request.allocation
        listed = [account for account, _ in allocation.quantities]
        self._check_accounts(listed)
        everybody = self._primary()
        if allocation.method in {Method.QUANTITIES, Method.LIKE}:
            everybody = listed
        return replace(
            request,
            instrument=self._instrument(request.instrument),
            selection=self._selection(request.selection, everybody, primary_only=True),
        )

    def exit(self, request: ExitRequest) -> ExitRequest:
        """Of a trade within reach, or of what accounts within reach hold."""
        listed = [account for account, _ in request.quantities]
        self._check_accounts(listed)
        everybody = listed or sorted(self._reach.accounts or ())
        if request.trade:
            everybody = [self._owner(request.trade)]
        else:
            self._needs_no_strategy()
            if self._reach.instruments is not None and not request.instrument:
                outside()
        called = request.instrument and self._instrument(request.instrument)
        return replace(
            request, instrument=called, selection=self._selection(request.selection, everybody)
        )

    def cancel_rest(self, request: CancelRestRequest, seen: InstructionId) -> CancelRestRequest:
        """Of an instruction all of whose orders are within reach, and those that it waits for. One that
        has none in memory is as one that there is not, so that nobody learns which there were.
        """
        state, parent = self._state, request.instruction
        theirs = [
            one for one in state.orders.values() if parent in (one.instruction_id, one.closed_by)
        ]
        held = state.held.get(parent)
        is_known = bool(theirs) or parent == seen
        is_within = is_known and all(has_order(self._reach, state, one) for one in theirs)
        if held is not None:
            is_within = self._is_confined(held.request)
        if not is_within:
            raise Problem("UNKNOWN_INSTRUCTION", f"no instruction {parent}")
        return request

    def _is_confined(self, request: InstructionRequest) -> bool:
        try:
            return confine(request, self._reach, self._state, self._instruments) == request
        except Problem:
            return False

    def _needs_no_strategy(self) -> None:
        """What comes next has no strategy."""
        if self._reach.strategies is not None:
            outside()

    def _owner(self, trade: ClOrdId) -> AccountId:
        found = find_lot_of(self._state, trade)
        if found is None:
            outside()
        book, lot = found
        if not self._reach.has(book.account, lot.strategy, lot.instrument):
            outside()
        return book.account

    def _instrument(self, called: str) -> str:
        """The name; where instruments are a bound the key, which stays what it is whatever is imported."""
        if self._reach.instruments is None:
            return called
        key = self._key(called)
        if key not in self._reach.instruments:
            outside()
        return key

    def _key(self, called: str) -> InstrumentKey:
        try:
            found = self._instruments.resolve(called)
        except AmbiguousName:
            outside()
        local = self._state.local_instruments
        found = found or local.get(called) or local.get(instrument_key(LOCAL_EXCHANGE, called))
        return "" if found is None else found.key

    def _account(self, client: int, account: AccountId) -> AccountId:
        """Whose order it is: the account that is named, else the client's primary one."""
        if self._reach.accounts is None:
            return account
        found = account or self._state.primary_accounts.get(client, "")
        if found not in self._reach.accounts:
            outside()
        if client and self._state.accounts[found].client_id != client:
            outside()
        return found

    def _check_accounts(self, accounts: Iterable[AccountId]) -> None:
        if not all(map(self._reach.has_account, accounts)):
            outside()

    def _selection(
        self, selection: Selection, everybody: Iterable[AccountId], *, primary_only: bool = False
    ) -> Selection:
        """The accounts that are meant, by name. An empty selection would be everybody: it never is one."""
        if self._reach.accounts is None:
            return selection
        if selection.groups:
            outside()
        found = dict.fromkeys(selection.accounts)
        for client in selection.clients:
            theirs = self._accounts_of(client, primary_only=primary_only)
            if not theirs:
                outside()
            found |= dict.fromkeys(theirs)
        if selection.is_everybody:
            found = dict.fromkeys(everybody)
        self._check_accounts(found)
        if not found:
            outside()
        return Selection(tuple(found), mode=selection.mode)

    def _accounts_of(self, client: int, *, primary_only: bool) -> list[AccountId]:
        """A client's accounts within reach; its primary one, which may be outside."""
        if primary_only:
            primary = self._state.primary_accounts.get(client)
            return [] if primary is None else [primary]
        accounts, within = self._state.accounts, sorted(self._reach.accounts or ())
        return [one for one in within if accounts[one].client_id == client]

    def _primary(self) -> list[AccountId]:
        """Those within reach that their clients act through."""
        within = self._reach.accounts or frozenset()
        return [one for one in self._state.primary_accounts.values() if one in within]
