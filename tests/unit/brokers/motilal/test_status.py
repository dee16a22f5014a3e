import pytest

from phalanx.brokers.motilal.row import BadData
from phalanx.brokers.motilal.status import order_status
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus

S = OrdStatus


@pytest.mark.parametrize(
    ("text", "cum", "status"),
    [
        ("Unknown", 0, S.NEW),
        ("Sent", 0, S.NEW),
        ("CONFIRM", 0, S.NEW),
        ("Confirm", 5, S.PARTIALLY_FILLED),
        ("Partial", 5, S.PARTIALLY_FILLED),
        ("traded", 20, S.FILLED),
        ("Cancel", 5, S.CANCELED),
        ("Rejected", 0, S.REJECTED),
        ("Error", 0, S.REJECTED),
    ],
)
def test_a_status_is_read_whatever_its_case(text: str, cum: int, status: OrdStatus) -> None:
    assert order_status(text, whole(cum)) is status


@pytest.mark.parametrize("text", ["", "Cancelling", "trigger pending"])
def test_a_status_that_nobody_declared_is_an_error(text: str) -> None:
    with pytest.raises(BadData, match="NOT_KNOWN"):
        order_status(text, 0)
