"""Which rows somebody wants to see."""

import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.watching.filters import INSTRUCTIONS_KEPT, Filters
from phalanx.cli.watching.messages import Item, Message

ORDER: Item = {
    "order_id": "O1",
    "instruction_id": "I1",
    "account": "PAPER-1",
    "instrument": "NSE:2885",
    "symbol": "RELIANCE",
    "status": "FILLED",
    "strategy": "S",
}


@pytest.mark.parametrize(
    ("words", "passes"),
    [
        ([], True),
        (["account=PAPER-1"], True),
        (["account=paper-1"], True),
        (["account=PAPER-2"], False),
        (["account=PAPER-2", "account=PAPER-1"], True),
        (["account=PAPER-2, PAPER-1"], True),
        (["account=PAPER-1", "status=NEW"], False),
        (["instrument=reliance"], True),
        (["instrument=NSE:2885"], True),
        (["instrument=2885"], True),
        (["instrument=288"], False),
        (["strategy=S", "status=FILLED,REJECTED"], True),
        (["kind=exit"], False),
    ],
)
def test_an_order(words: list[str], passes: bool) -> None:
    assert Filters(words).passes(ORDER) is passes


@pytest.mark.parametrize("word", ["status=NOPE", "kind=nope", "status=FILLED,NOPE"])
def test_a_word_that_nothing_will_ever_be_is_usage(word: str) -> None:
    with pytest.raises(Failure) as caught:
        Filters([word])

    failure = caught.value
    assert (failure.exit_code, failure.code) == (Exit.USAGE, "BAD_FILTER")
    choices = ("priority_buy", "exit") if word.startswith("kind") else ("IN_DOUBT", "WORKING")
    assert all(choice in failure.detail for choice in choices)


def test_an_instrument_is_meant_whatever_it_is_called() -> None:
    filters = Filters(["instrument=MINDA,2885"])
    filters.resolve({"MINDA": "NSE:14154", "2885": "NSE:2885"}.__getitem__)
    line: Item = {"instrument": "UNOMINDA", "symbol": "UNOMINDA", "exchange": "NSE"}

    assert filters.passes({**ORDER, "instrument": "NSE:14154", "symbol": "UNOMINDA"})
    assert filters.passes({**line, "token_id": "14154"})
    assert filters.passes(ORDER)
    assert not filters.passes({**ORDER, "instrument": "BSE:2885"})
    assert not filters.passes({**line, "token_id": "2"})


def test_an_order_is_of_the_kind_of_its_instruction() -> None:
    filters = Filters(["kind=exit"])
    row: Item = {"instruction_id": "I1", "kind": "exit"}

    assert filters.chosen(Message("orders", "delta", items=[ORDER])) == []
    assert filters.chosen(Message("instructions", "delta", items=[row])) == [row]
    assert filters.chosen(Message("orders", "delta", items=[ORDER])) == [ORDER]


def test_what_is_remembered_of_instructions_has_a_bound() -> None:
    filters = Filters(["kind=exit"])
    rows: list[Item] = [
        {"instruction_id": f"I{number}", "kind": "exit"}
        for number in range(1, INSTRUCTIONS_KEPT + 2)
    ]
    filters.chosen(Message("instructions", "delta", items=rows))

    assert not filters.passes(ORDER)
    assert filters.passes({**ORDER, "instruction_id": "I2"})
