"""Reference data and switches."""

from phalanx.domain.accounts import Account, Mode, book_id
from phalanx.domain.events import (
    AccountPut,
    AlertRulePut,
    AlertRuleRemoved,
    CalendarPut,
    CashAdjusted,
    ClientPut,
    ClosingAuctionPut,
    FillOrdered,
    GroupPut,
    GroupRemoved,
    HookSourcePut,
    HookSourceRemoved,
    InstrumentsLoaded,
    KillLifted,
    KillPut,
    LimitPut,
    LimitRemoved,
    ListPut,
    ListRemoved,
    LocalInstrumentPut,
    LotAdopted,
    OrderFlagged,
    SettingsPut,
    StrategyPut,
    SubscriptionPut,
)
from phalanx.domain.groups import Group
from phalanx.domain.reasons import ReasonCode
from phalanx.engine.apply import lots
from phalanx.engine.apply.resting import rest_no_longer
from phalanx.engine.apply.upkeep import use_key
from phalanx.engine.state import Book, HandFill, Kill, Lot, State, due_key, limit_key


def instruments_loaded(state: State, event: InstrumentsLoaded) -> None:
    """That instrument file is in force."""
    use_key(state, event.origin, event.time)
    state.instruments_sha256 = event.sha256
    state.instruments_at = event.time


def local_instrument_put(state: State, event: LocalInstrumentPut) -> None:
    """A paper instrument of our own."""
    use_key(state, event.origin, event.time)
    state.local_instruments[event.instrument.key] = event.instrument


def client_put(state: State, event: ClientPut) -> None:
    """A client, by id."""
    use_key(state, event.origin, event.time)
    state.clients[event.client.id] = event.client


def account_put(state: State, event: AccountPut) -> None:
    """An account, with both its books from the first moment. What was armed is no other account: one that
    goes to another mode, broker or login, or is switched off, is armed no more.
    """
    use_key(state, event.origin, event.time)
    account = event.account
    before = state.accounts.get(account.id)
    if before is not None and _is_another(before, account):
        state.armed.pop(account.id, None)
    state.accounts[account.id] = account
    if account.primary:
        state.primary_accounts[account.client_id] = account.id
    for mode in Mode:
        book = book_id(account.id, mode)
        if book not in state.books:
            state.books[book] = Book(book, account.id, mode)


def _is_another(before: Account, after: Account) -> bool:
    terms = (before.mode, before.broker, before.login)
    return not after.enabled or terms != (after.mode, after.broker, after.login)


def cash_adjusted(state: State, event: CashAdjusted) -> None:
    """Cash came or went."""
    use_key(state, event.origin, event.time)
    state.books[event.book].cash += event.amount


def strategy_put(state: State, event: StrategyPut) -> None:
    """A strategy, by name."""
    use_key(state, event.origin, event.time)
    state.strategies[event.strategy.name] = event.strategy


def subscription_put(state: State, event: SubscriptionPut) -> None:
    """A subscription, by strategy and account."""
    use_key(state, event.origin, event.time)
    subscription = event.subscription
    state.subscriptions.setdefault(subscription.strategy, {})[subscription.account] = subscription


def settings_put(state: State, event: SettingsPut) -> None:
    """The settings that decide."""
    use_key(state, event.origin, event.time)
    state.settings = event.settings


def kill_put(state: State, event: KillPut) -> None:
    """New risk is stopped."""
    use_key(state, event.origin, event.time)
    state.kills[event.whom.key] = Kill(event.whom, event.origin, event.time, event.note)


def kill_lifted(state: State, event: KillLifted) -> None:
    """And allowed again; what its kill has not cancelled yet works on."""
    use_key(state, event.origin, event.time)
    state.kills.pop(event.whom.key, None)
    for exits in (False, True):
        state.cancels_due.pop(due_key(event.whom, exits=exits), None)


def group_put(state: State, event: GroupPut) -> None:
    """A group, by name."""
    use_key(state, event.origin, event.time)
    before = state.groups.get(event.group.name)
    state.groups[event.group.name] = event.group
    _index_members(state, before, event.group)


def group_removed(state: State, event: GroupRemoved) -> None:
    """And gone."""
    use_key(state, event.origin, event.time)
    _index_members(state, state.groups.pop(event.name, None), None)


def _index_members(state: State, before: Group | None, after: Group | None) -> None:
    """Keep ``groups_of`` true to one group's members."""
    olds = {} if before is None else dict.fromkeys(one.account for one in before.members)
    news = {} if after is None else dict.fromkeys(one.account for one in after.members)
    for account in olds:
        if before is not None and account not in news:
            names = state.groups_of[account]
            names.remove(before.name)
            if not names:
                del state.groups_of[account]
    for account in news:
        if after is not None and account not in olds:
            state.groups_of.setdefault(account, []).append(after.name)


def list_put(state: State, event: ListPut) -> None:
    """A priority list, by name."""
    use_key(state, event.origin, event.time)
    state.lists[event.priority_list.name] = event.priority_list


def list_removed(state: State, event: ListRemoved) -> None:
    """And gone."""
    use_key(state, event.origin, event.time)
    state.lists.pop(event.name, None)


def hook_source_put(state: State, event: HookSourcePut) -> None:
    """A source of webhooks, by name."""
    use_key(state, event.origin, event.time)
    state.hooks[event.source.name] = event.source


def hook_source_removed(state: State, event: HookSourceRemoved) -> None:
    """And gone."""
    use_key(state, event.origin, event.time)
    state.hooks.pop(event.name, None)


def limit_put(state: State, event: LimitPut) -> None:
    """A level's limits."""
    use_key(state, event.origin, event.time)
    state.limits[limit_key(event.limit.level, event.limit.name)] = event.limit


def limit_removed(state: State, event: LimitRemoved) -> None:
    """And gone."""
    use_key(state, event.origin, event.time)
    state.limits.pop(limit_key(event.level, event.name), None)


def alert_rule_put(state: State, event: AlertRulePut) -> None:
    """A rule of what is told, by name."""
    use_key(state, event.origin, event.time)
    state.alert_rules[event.rule.name] = event.rule


def alert_rule_removed(state: State, event: AlertRuleRemoved) -> None:
    """And gone."""
    use_key(state, event.origin, event.time)
    state.alert_rules.pop(event.name, None)


def calendar_put(state: State, event: CalendarPut) -> None:
    """The days that differ from the published calendar."""
    use_key(state, event.origin, event.time)
    state.calendar = {change.day: change for change in event.days}


def closing_auction_put(state: State, event: ClosingAuctionPut) -> None:
    """The stocks whose day ends in an auction."""
    use_key(state, event.origin, event.time)
    state.closing_auction = dict.fromkeys(event.symbols)


def lot_adopted(state: State, event: LotAdopted) -> None:
    """A position that the book holds already."""
    use_key(state, event.origin, event.time)
    state.next_order += 1
    lot = Lot(
        event.lot,
        None,
        event.instrument,
        event.product,
        event.opened_at,
        by_signal=False,
        called=event.called,
        cost_known=event.cost_known,
    )
    lots.adopt(state.books[event.book], lot, event.quantity, event.cost)


def fill_ordered(state: State, event: FillOrdered) -> None:
    """The fill itself comes as a report, which bears this ExecID."""
    state.next_request += 1
    use_key(state, event.origin, event.time)
    fill = HandFill(event.cl_ord_id, event.quantity, event.price)
    state.hand_fills[event.exec_id] = fill


def order_flagged(state: State, event: OrderFlagged) -> None:
    """For a person to see: boards and views show it. An unfilled one stands; the clock lets it be."""
    state.hand_fills.pop(event.exec_id, None)
    if event.flag == ReasonCode.UNFILLED:
        order = state.orders[event.cl_ord_id]
        order.unfilled = True
        rest_no_longer(state, order)
