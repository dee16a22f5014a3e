"""Memory follows what is open: what ended leaves nothing behind. Bigger by ``PHALANX_PERF_ORDERS``."""

import os

from benchmarks.history import live_through
from benchmarks.scene import ACCOUNTS, Scene, acknowledged, canceled, single_orders
from phalanx.engine.snapshot import encode_state

ORDERS = int(os.environ.get("PHALANX_PERF_ORDERS", "20000"))
LEFT_BYTES_MAX = 200
"""Counters grow a byte or two; an order would be hundreds of bytes."""
SOLD_TODAY_BYTES_MAX = 16
"""What a book remembers, until the day rolls, of each stock that it sold."""


def test_orders_that_were_closed_and_retired_leave_nothing_behind() -> None:
    scene = Scene()
    live_through(scene, 2 * ACCOUNTS)
    before = len(encode_state(scene.state))

    live_through(scene, ORDERS)

    assert not scene.state.orders
    assert not scene.state.ended
    assert not scene.state.instructions
    assert not any(
        book.lots or book.positions or book.doubts for book in scene.state.books.values()
    )
    allowed = LEFT_BYTES_MAX + (8 + SOLD_TODAY_BYTES_MAX) * ACCOUNTS
    assert len(encode_state(scene.state)) - before <= allowed


def test_single_orders_that_were_canceled_leave_only_their_shapes() -> None:
    """The shapes of the day's single orders stay until the day rolls, and are bounded."""
    scene = Scene()
    before = len(encode_state(scene.state))
    for round_number in range(3):
        for request in single_orders(round_number):
            _, drafts = scene.submit(request)
            scene.report(acknowledged(drafts))
            scene.report(canceled(drafts))
    scene.retire()
    for _ in range(12):
        scene.retire()

    assert not scene.state.orders
    assert not any(book.recent for book in scene.state.books.values())
    assert len(encode_state(scene.state)) - before <= LEFT_BYTES_MAX + 8 * ACCOUNTS
