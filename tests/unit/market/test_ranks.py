"""The column ``rank``: every number from 1 once, or the line of the first one that is none."""

import pytest

from phalanx.market.ranks import Ranked, in_rank_order
from phalanx.market.table import ImportCode, ImportFault


def test_rows_come_by_their_rank() -> None:
    assert in_rank_order(["b", "c", "a"], [Ranked(2, "2"), Ranked(3, "3"), Ranked(5, "1")]) == [
        *("a", "b", "c")
    ]


@pytest.mark.parametrize(
    ("ranks", "line"),
    [
        (("1", ""), 3),
        (("1", "1"), 3),
        (("0", "1"), 2),
        (("1", "3"), 3),
        (("1", "02"), 3),
        (("1.0", "2"), 2),
        (("-1", "2"), 2),
        (("1", "\u0662"), 3),
        (("9" * 30, "1"), 2),
    ],
)
def test_any_other_rank_is_refused_with_its_line(ranks: tuple[str, ...], line: int) -> None:
    with pytest.raises(ImportFault) as caught:
        in_rank_order(["a", "b"], [Ranked(place, one) for place, one in enumerate(ranks, 2)])

    assert (caught.value.code, caught.value.line) == (ImportCode.BAD_RANK, line)
    assert caught.value.column == "rank"
