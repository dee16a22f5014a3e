from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.orders import Side
from phalanx.engine import commands as c
from phalanx.engine.ids import (
    COUNTER_MAX,
    DESK_IDS,
    SHARD_MAX,
    base36,
    cl_ord_ids,
    desk_id,
    instruction_counter_of,
    is_hand_fill_id,
    new_cl_ord_id,
    new_hand_fill_id,
    new_instruction_id,
    new_request_id,
    prefix,
    request_ids,
)
from tests.engine_world import World


@given(st.integers(0, COUNTER_MAX))
def test_seven_digits_in_base_36_that_read_back(counter: int) -> None:
    text = base36(counter)

    assert len(text) == 7
    assert int(text, 36) == counter
    assert text == text.upper()


@given(st.integers(0, COUNTER_MAX - 1))
def test_ids_sort_by_their_counter(counter: int) -> None:
    assert base36(counter) < base36(counter + 1)


@pytest.mark.parametrize("counter", [-1, COUNTER_MAX + 1])
def test_a_counter_out_of_range_is_no_id(counter: int) -> None:
    with pytest.raises(OverflowError):
        base36(counter)


@given(st.integers(0, 1 << 64))
def test_a_desk_id_is_two_of_36_letters(draw: int) -> None:
    assert len(desk_id(draw)) == 2
    assert int(desk_id(draw), 36) == draw % DESK_IDS


def test_a_prefix_has_desk_and_shard() -> None:
    assert [prefix("QX", shard) for shard in (0, 9, 10, SHARD_MAX)] == ["QX0", "QX9", "QXA", "QXZ"]


def test_the_first_letter_says_what_an_id_is_of() -> None:
    makers = (new_cl_ord_id, new_request_id, new_instruction_id, new_hand_fill_id)

    assert [make("QX", 10, 36) for make in makers] == [
        "QXA0000010",
        "RQXA0000010",
        "IQXA0000010",
        "HQXA0000010",
    ]


@pytest.mark.parametrize(
    ("many", "make"), [(cl_ord_ids, new_cl_ord_id), (request_ids, new_request_id)]
)
def test_many_ids_are_those_made_one_by_one(
    many: Callable[[str, int, int], Iterator[str]], make: Callable[[str, int, int], str]
) -> None:
    for first in (34, 36**2 - 2, 36**4 - 1):
        expected = [make("QX", 10, n) for n in range(first, first + 3)]
        assert list(islice(many("QX", 10, first), 3)) == expected
    with pytest.raises(OverflowError):
        list(islice(many("QX", 10, COUNTER_MAX), 2))


def test_a_fill_by_hand_is_told_by_its_id() -> None:
    assert is_hand_fill_id(new_hand_fill_id("QX", SHARD_MAX, COUNTER_MAX))
    # A broker's own, of an order of a desk that is called H-something.
    others = ("", "H", "HXA0000010", "HXA0000010-4", "HXA0000-100", "RQXA0000010")
    assert not any(map(is_hand_fill_id, others))


def test_every_id_is_made_in_its_event_and_used_once() -> None:
    world = World()
    for client in (1, 2):
        world.subscribe(world.account(client), "RED", "INFY")

    planned = world.signal("RED", "INFY", Side.BUY)
    refused = world.signal("RED", "INFY", Side.BUY)
    sold = world.signal("RED", "INFY", Side.SELL)

    assert [draft.cl_ord_id for draft in planned.orders] == ["AA00000000", "AA00000001"]
    instructions = [planned.instruction_id, refused.instruction_id, sold.instruction_id]
    assert instructions == ["IAA00000000", "IAA00000001", "IAA00000002"]
    assert [x.request_id for x in sold.cancels] == ["RAA00000000", "RAA00000001"]


def test_a_term_after_a_restart_goes_on_counting() -> None:
    world = World()
    world.subscribe(world.account(1), "RED", "INFY")
    world.buy("RED", "INFY")

    world.do(c.BeginTerm(2, "0.2", "ZZ"))

    assert world.order().orders[0].cl_ord_id == "AA00000001"


@pytest.mark.parametrize(
    "text", ["", "I", "AA00000000", "RAA00000000", "IZZ00000000", "IAA0000000a"]
)
def test_only_an_instructions_id_of_this_desk_has_a_counter(text: str) -> None:
    assert instruction_counter_of(new_instruction_id("AA", 0, 1_300), "AA", 0) == 1_300
    assert instruction_counter_of(text, "AA", 0) is None
