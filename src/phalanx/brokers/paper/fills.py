"""How much the paper broker fills, in which slices, at which price: pure arithmetic on Fixed."""

import hashlib

from phalanx.domain.accounts import FillProfile
from phalanx.domain.numbers import BASIS_POINTS, Price, Quantity, round_down, round_up, share_up
from phalanx.domain.orders import ClOrdId, Side

SLICES_MAX = 100
"""A profile that asks for more slices gets so many; it bounds the reports of one order."""


def draw(seed: int, id: str, purpose: str) -> int:
    """A number from 0 to 9,999 that depends on nothing but its arguments."""
    digest = hashlib.blake2b(f"{seed}/{id}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % BASIS_POINTS


def _happens(profile: FillProfile, basis_points: int, id: str, purpose: str) -> bool:
    return basis_points > 0 and draw(profile.seed, id, purpose) < basis_points


def is_rejected(profile: FillProfile, cl_ord_id: ClOrdId) -> bool:
    """Whether the profile rejects this order."""
    return _happens(profile, profile.reject_bps, cl_ord_id, "reject")


def loses_answer(profile: FillProfile, id: str) -> bool:
    """Whether the answer to this order, or to the cancel or replace of that id, never comes."""
    return _happens(profile, profile.lost_ack_bps, id, "lost ack")


def reports_twice(profile: FillProfile, cl_ord_id: ClOrdId) -> bool:
    """Whether every report of this order comes twice."""
    return _happens(profile, profile.duplicate_report_bps, cl_ord_id, "duplicate report")


def drops_session(profile: FillProfile, cl_ord_id: ClOrdId) -> bool:
    """Whether the session is cut when this order is accepted."""
    return _happens(profile, profile.dropped_socket_bps, cl_ord_id, "dropped socket")


def filled_quantity(quantity: Quantity, lot_size: Quantity, filled_bps: int) -> Quantity:
    """What of an order is filled in the end: all, or the share in whole lots, rounded down."""
    if filled_bps >= BASIS_POINTS:
        return quantity
    return round_down(quantity * max(0, filled_bps) // BASIS_POINTS, lot_size)


def slice_count(quantity: Quantity, lot_size: Quantity, slices: int) -> int:
    """How many slices a quantity is filled in: none is smaller than a lot, unless all of it is."""
    if quantity <= 0:
        return 0
    if slices <= 1:
        return 1
    return max(1, min(slices, quantity // lot_size, SLICES_MAX))


def next_slice(remaining: Quantity, slices: int, lot_size: Quantity) -> Quantity:
    """The next of ``slices`` slices that sum to ``remaining``: equal lots, larger ones first."""
    assert slices > 0
    assert remaining > 0
    if slices == 1:
        return remaining
    lots = remaining // lot_size
    assert lots >= slices, "a slice would be empty"
    return -(-lots // slices) * lot_size


def slices_left(count: int, planned: Quantity, remaining: Quantity, lot_size: Quantity) -> int:
    """How many of ``count`` slices are left when ``remaining`` of ``planned`` is still to fill."""
    if remaining == planned:
        return count
    return slice_count(remaining, lot_size, -(-count * remaining // planned)) if remaining else 0


def fill_price(
    side: Side, limit: Price, last: Price, slippage_bps: int, tick_size: Price
) -> Price | None:
    """What an order trades at now, or None while the last price is beyond its limit.

    ``slippage_bps`` worse than the last price, on a tick of the worse side, but never worse than
    ``limit`` (of a MARKET order: its protected price).
    """
    slippage = share_up(last, max(0, slippage_bps))
    if side == Side.BUY:
        return min(limit, round_up(last + slippage, tick_size)) if last <= limit else None
    return max(limit, round_down(last - slippage, tick_size)) if last >= limit else None
