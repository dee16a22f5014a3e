"""Lots by age: whoever comes late takes its place, and only younger ones move for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.accounts import Mode
from phalanx.domain.orders import Product
from phalanx.engine.apply.lots import insert_by_age
from phalanx.engine.state import Book, Lot


def lot(opened_at: int, id: str = "") -> Lot:
    return Lot(id or f"L{opened_at}", None, "NSE:1", Product.DELIVERY, opened_at, by_signal=False)


def inserted(*ages: int) -> Book:
    book = Book("A1/P", "A1", Mode.PAPER)
    for opened_at in ages:
        insert_by_age(book, lot(opened_at))
    return book


@pytest.mark.parametrize("ages", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (2, 1, 3)])
def test_a_lot_takes_its_place_by_age(ages: tuple[int, ...]) -> None:
    assert list(inserted(*ages).lots["NSE:1"]) == ["L1", "L2", "L3"]


def test_of_lots_of_one_age_the_one_that_came_first_is_first() -> None:
    book = inserted(1, 2)
    insert_by_age(book, lot(1, "again"))

    assert list(book.lots["NSE:1"]) == ["L1", "again", "L2"]


def test_the_youngest_moves_no_other() -> None:
    book = inserted(1, 2)
    known = book.lots["NSE:1"]

    insert_by_age(book, lot(3))

    assert book.lots["NSE:1"] is known


@given(st.lists(st.integers(0, 6), max_size=12))
def test_lots_that_come_in_any_order_stand_as_if_sorted_by_age(ages: list[int]) -> None:
    book = Book("A1/P", "A1", Mode.PAPER)
    named = [lot(age, f"{number}") for number, age in enumerate(ages)]
    for one in named:
        insert_by_age(book, one)

    expected = sorted(named, key=lambda one: one.opened_at)
    assert list(book.lots.get("NSE:1", {}).values()) == expected
