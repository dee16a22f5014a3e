"""What a golden journal must still say when a later version replays it."""

from typing import Any

from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.numbers import format_fixed
from phalanx.engine.state import State


def facts(state: State) -> dict[str, Any]:
    """Readable facts, none of which depends on how the state is laid out."""
    return {
        "seq": state.seq,
        "desk_id": state.desk_id,
        "epoch": state.epoch,
        "clients": {str(c.id): c.name for c in state.clients.values()},
        "subscriptions": {name: sorted(subs) for name, subs in state.subscriptions.items()},
        "kills": sorted(_named(kill.scope) for kill in state.kills.values()),
        "cash": {b.id: format_fixed(b.cash) for b in state.books.values() if b.cash},
        "holds": {b.id: format_fixed(b.holds) for b in state.books.values() if b.holds},
        "positions": {
            f"{book.id} {held.instrument} {held.product.name}": format_fixed(held.quantity)
            for book in state.books.values()
            for held in book.positions.values()
        },
        "lots": {
            lot.id: [lot.strategy, lot.instrument, format_fixed(lot.remaining), lot.is_open]
            for book in state.books.values()
            for lot in book.all_lots()
        },
        "orders": {
            cl_ord_id: [order.status.name, format_fixed(order.cum_quantity)]
            for cl_ord_id, order in state.orders.items()
        },
        "instructions": {i.id: i.status.name for i in state.instructions.values()},
        "keys": len(state.keys),
        "groups": {
            group.name: {one.account: format_fixed(one.multiplier) for one in group.members}
            for group in state.groups.values()
        },
        "lists": {one.name: list(one.instruments) for one in state.lists.values()},
        "limits": sorted(state.limits),
        "held": sorted(state.held),
        "breaks": {
            one.id: [one.account, one.kind.value, one.subject, one.owner]
            for one in state.breaks.values()
        },
        "armed": {one.account: one.actor for one in state.armed.values()},
        "changes": {
            one.id: [one.origin.actor, list(one.details)] for one in state.changes.values()
        },
        "settled_breaks": sorted(state.settled_breaks),
        "calendar": {
            str(one.day): [one.kind.name, len(one.windows), one.note]
            for one in state.calendar.values()
        },
        "closing_auction": list(state.closing_auction),
        "foreign_fills": sorted(state.foreign_fills),
    }


def _named(scope: KillScope) -> str:
    """As the first journals said it: an account by its id, everybody by nothing; others by their key."""
    return scope.name if scope.level in {KillLevel.ALL, KillLevel.ACCOUNT} else scope.key
