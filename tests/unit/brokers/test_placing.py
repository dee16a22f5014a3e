import pytest

from phalanx.brokers.placing import place_request
from phalanx.brokers.port import PlaceRequest
from phalanx.domain.accounts import Mode, book_id
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrderDraft, OrdType, Product, Side, TimeInForce
from phalanx.engine.state import Order


@pytest.mark.parametrize("reduce_only", [False, True])
def test_a_request_says_the_order_as_it_stands(reduce_only: bool) -> None:
    what = ("NSE:1", Side.SELL, Product.DELIVERY, OrdType.STOP_LIMIT, TimeInForce.DAY)
    draft = OrderDraft(
        "AA00000001",
        book_id("A", Mode.PAPER),
        *what,
        whole(10),
        whole(100),
        0,
        reduce_only=reduce_only,
        stop_price=whole(101),
    )
    replaced = Order(draft, "I1", whole(7), whole(99), 0, 0)

    assert place_request(replaced, "A") == PlaceRequest(
        "AA00000001", "A", *what, whole(7), whole(99), whole(101), reduce_only
    )
