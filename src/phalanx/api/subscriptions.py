"""Subscriptions: on what terms an account follows a strategy, and what of that may be changed."""

import msgspec
from msgspec import UNSET

from phalanx.api import examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import BASIS_POINT, basis_points, positive
from phalanx.api.lists import PageQuery, page, symbol_of
from phalanx.api.policy import READ_OWN, TRADE
from phalanx.api.problems import Problem
from phalanx.api.reach import EVERYTHING, Reach
from phalanx.api.shapes import (
    CashShare,
    FixedCash,
    FixedQuantity,
    SizingChange,
    SubscriptionChange,
)
from phalanx.desk.desk import Desk
from phalanx.domain.events import SubscriptionPut
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import format_fixed
from phalanx.domain.orders import OrdType, Product
from phalanx.domain.strategies import SellScope, Sizing, SizingRule, Strategy, Subscription
from phalanx.engine.commands import PutReference
from phalanx.engine.state import State

PATH = "/api/v1/strategies/{strategy}/subscriptions"
_change: Body[SubscriptionChange] = Body(SubscriptionChange)


class SizingAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much a BUY buys, as PATCH takes it: with the one number that its method has.
    ``fixed_quantity`` without a quantity is one lot.
    """

    method: str
    quantity: str | None = None
    amount: str | None = None
    percent: str | None = None


class SubscriptionTerms(msgspec.Struct, frozen=True):
    """On what terms an account follows a strategy. ``sell_scope`` null: none was chosen yet, which
    counts as ``account`` on paper.
    """

    account: str
    client: str
    client_id: int
    sizing: SizingAnswer
    product: str
    type: str
    sell_scope: str | None
    enabled: bool


class SubscriptionAnswer(SubscriptionTerms, frozen=True, kw_only=True):
    """A subscription with its instruments by symbol: its own, or else the strategy's."""

    instruments: list[str]


class SubscriptionList(msgspec.Struct, frozen=True):
    """Subscriptions of one strategy, oldest first."""

    items: list[SubscriptionAnswer]
    total: int
    as_of: int


async def list_subscriptions(call: Call) -> Answer:
    """Who follows a strategy, a page of them at a time."""
    query = call.query(PageQuery)
    desk, reach, called = call.desk, call.reach, call.path("strategy")
    if not sees_strategy(desk.state, reach, called):
        raise _unknown(called)
    strategy = _find_strategy(desk, called)
    found = seen_subscriptions(desk.state, reach, strategy.name)

    def body(seq: int) -> SubscriptionList:
        items = [subscription_answer(desk, one) for one in page(found, query)]
        return SubscriptionList(items, len(found), seq)

    return await call.as_of(body)


async def patch_subscription(call: Call) -> Answer:
    """Change the terms of a subscription. Answers them, without its instruments."""
    desk = call.desk
    strategy = _find_strategy(desk, call.path("strategy"))
    subscription = _find(desk, strategy, call.path("account"))
    changes = _changes(call.decode(_change))
    if not changes:
        raise Problem("NOTHING_TO_CHANGE", "name at least one field")
    origin = call.origin(DoorName.SUBSCRIPTIONS, strategy.name, subscription.account, changes)
    wanted = msgspec.structs.replace(subscription, **changes)
    executed = await desk.execute(PutReference(origin, subscriptions=(wanted,)))
    for event in executed.events:
        assert isinstance(event, SubscriptionPut), f"{type(event).__name__} is no subscription"
        wanted = event.subscription
    return answer_json(200, _terms(desk, wanted), executed)


def sees_strategy(state: State, reach: Reach, called: str) -> bool:
    """Whether a strategy is within reach: by its name, or because somebody within reach follows it."""
    if reach is EVERYTHING or called in (reach.strategies or ()):
        return True
    return reach.strategies is None and bool(seen_subscriptions(state, reach, called))


def seen_subscriptions(state: State, reach: Reach, called: str) -> list[Subscription]:
    """Who within reach follows a strategy."""
    found = list(state.subscriptions.get(called, {}).values())
    if reach is EVERYTHING:
        return found
    return [one for one in found if reach.has_subscription(one.account, called)]


def subscription_answer(desk: Desk, subscription: Subscription) -> SubscriptionAnswer:
    """A subscription as the lists show it."""
    keys = subscription.instruments
    if keys is None:
        keys = desk.state.strategies[subscription.strategy].instruments
    return SubscriptionAnswer(
        *msgspec.structs.astuple(_terms(desk, subscription)),
        instruments=[symbol_of(desk, key) for key in keys],
    )


def sizing_rule(sizing: SizingChange) -> SizingRule:
    """The rule that a caller asks for.

    Raises Problem ``NOT_POSITIVE``, ``TOO_PRECISE`` (a hundredth of a percent is the least),
    ``INVALID_VALUE`` (more than all of the cash), and as ``fields.exact`` does.
    """
    match sizing:
        case FixedCash(amount=amount):
            return SizingRule(Sizing.FIXED_CASH, positive(amount, "sizing.amount"))
        case CashShare(percent=percent):
            return SizingRule(Sizing.CASH_SHARE, basis_points(percent, "sizing.percent"))
        case FixedQuantity(quantity=quantity):
            units = 0 if quantity is UNSET else positive(quantity, "sizing.quantity")
            return SizingRule(Sizing.FIXED_QUANTITY, units)


def sizing_answer(rule: SizingRule) -> SizingAnswer:
    """The rule as a caller would ask for it."""
    method = rule.sizing.name.lower()
    match rule.sizing:
        case Sizing.FIXED_QUANTITY:
            return SizingAnswer(method, quantity=format_fixed(rule.amount) if rule.amount else None)
        case Sizing.FIXED_CASH:
            return SizingAnswer(method, amount=format_fixed(rule.amount))
        case Sizing.CASH_SHARE:
            return SizingAnswer(method, percent=format_fixed(rule.amount * BASIS_POINT))


def _find_strategy(desk: Desk, called: str) -> Strategy:
    strategy = desk.state.strategies.get(called)
    if strategy is None:
        raise _unknown(called)
    return strategy


def _unknown(called: str) -> Problem:
    return Problem("NOT_FOUND", f"no strategy {called}")


def _find(desk: Desk, strategy: Strategy, account: str) -> Subscription:
    subscription = desk.state.subscriptions.get(strategy.name, {}).get(account)
    if subscription is None:
        raise Problem("NOT_FOUND", f"{account} does not subscribe to {strategy.name}")
    return subscription


def _changes(body: SubscriptionChange) -> dict[str, object]:
    """The fields of a Subscription that a body names, in the words of the domain."""
    changes: dict[str, object] = {}
    if body.sell_scope is not UNSET:
        changes["sell_scope"] = SellScope[body.sell_scope.upper()]
    if body.sizing is not UNSET:
        changes["sizing"] = sizing_rule(body.sizing)
    if body.product is not UNSET:
        changes["product"] = Product[body.product]
    if body.type is not UNSET:
        changes["ord_type"] = OrdType[body.type]
    if body.enabled is not UNSET:
        changes["enabled"] = body.enabled
    return changes


def _terms(desk: Desk, subscription: Subscription) -> SubscriptionTerms:
    client = desk.state.clients[desk.state.accounts[subscription.account].client_id]
    scope = subscription.sell_scope
    return SubscriptionTerms(
        subscription.account,
        client.name,
        client.id,
        sizing_answer(subscription.sizing),
        subscription.product.name,
        subscription.ord_type.name,
        None if scope is None else scope.name.lower(),
        subscription.enabled,
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_subscriptions,
        "Subscriptions of a strategy",
        SubscriptionList,
        policy=READ_OWN,
        tag="profiles",
        query=PageQuery,
        problems=("NOT_FOUND",),
    ),
    Door(
        "PATCH",
        f"{PATH}/{{account}}",
        patch_subscription,
        "Change the terms of a subscription",
        SubscriptionTerms,
        policy=TRADE,
        tag="profiles",
        about="Holds from the next signal on: orders that are already working keep the terms they "
        "were accepted under, and a SELL closes a lot in the product it was bought in.",
        body=SubscriptionChange,
        examples=examples.SUBSCRIPTION_CHANGE,
        problems=(
            *("NOT_FOUND", "NOTHING_TO_CHANGE", "UNKNOWN_FIELD", "INVALID_VALUE", "NOT_POSITIVE"),
        ),
        keyed=True,
    ),
)
