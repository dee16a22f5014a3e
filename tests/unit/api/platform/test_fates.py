"""What became of an order or a cancel, in the platform's words."""

import pytest

from phalanx.api.platform import fates
from phalanx.desk.settled import Settled
from phalanx.domain.instructions import CancelDraft
from phalanx.domain.orders import OrdStatus, Side


def cancel(side: Side | None, resell: int = 0) -> CancelDraft:
    return CancelDraft("R1", "A", "A1/P", unsent=True, resell=resell, side=side)


@pytest.mark.parametrize(
    ("side", "resell", "expected"),
    [
        (Side.BUY, 0, True),
        (Side.BUY, 5, True),
        (Side.SELL, 0, False),
        (Side.SELL, 5, False),
        (None, 0, True),
        (None, 5, False),
    ],
)
def test_whether_a_buy_is_called_back_is_told_by_its_side(
    side: Side | None, resell: int, expected: bool
) -> None:
    assert fates.calls_back_a_buy(cancel(side, resell)) is expected


@pytest.mark.parametrize(("side", "called"), [(Side.BUY, "buy"), (Side.SELL, "sell")])
def test_the_cancel_of_a_sell_is_not_called_a_buy_s(side: Side, called: str) -> None:
    done = {"A": Settled(OrdStatus.CANCELED, "", "B1", 0)}

    assert (
        fates.fate_of_cancels([cancel(side)], done).message == f"the working {called} is canceled"
    )
    waiting = fates.fate_of_cancels([cancel(side)], {})
    assert waiting.message == f"the working {called} is being canceled"
