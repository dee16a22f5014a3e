import pytest
from msgspec.structs import replace

from phalanx.api.followups import retry_rows, reverse_rows
from phalanx.domain.accounts import Mode
from phalanx.domain.instructions import BatchRow
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, OrdType, Product, Side, TimeInForce
from phalanx.views.rows import OrderHops, OrderRow

ORDER = OrderRow(
    seq=1,
    cl_ord_id="O1",
    instruction_id="I1",
    account="P-1",
    mode=Mode.PAPER,
    client_id=1,
    client_name="Ann",
    instrument="NSE:2885",
    symbol="RELIANCE",
    side=Side.BUY,
    product=Product.MTF,
    ord_type=OrdType.STOP_LIMIT,
    time_in_force=TimeInForce.IOC,
    order_quantity=whole(12),
    quantity=whole(10),
    limit=whole(5),
    stop_price=whole(4),
    hold=whole(50),
    strategy=None,
    closes=(),
    reduce_only=False,
    status=OrdStatus.REJECTED,
    cum_quantity=0,
    filled_value=0,
    charges=0,
    order_id="",
    flag="",
    reason_code="",
    reason_text="",
    text="",
    request_id="",
    placed_at_ns=1,
    first_fill_at_ns=0,
    ended_at_ns=2,
    updated_at_ns=2,
    hops=OrderHops(*[0] * 10),
    row=0,
)


def test_a_retry_has_the_order_s_own_terms_and_names_it() -> None:
    ((order, row),) = retry_rows([ORDER])

    assert order is ORDER
    assert row == BatchRow(
        0,
        "P-1",
        "NSE:2885",
        Side.BUY,
        Product.MTF,
        OrdType.STOP_LIMIT,
        whole(10),
        whole(5),
        TimeInForce.IOC,
        whole(4),
        "O1",
    )


def test_a_market_order_is_retried_at_the_market() -> None:
    market = replace(ORDER, ord_type=OrdType.MARKET, stop_price=0)

    ((_, row),) = retry_rows([market])

    assert (row.ord_type, row.price, row.stop_price) == (OrdType.MARKET, 0, 0)


@pytest.mark.parametrize(
    ("order", "again"),
    [
        (replace(ORDER, status=OrdStatus.REJECTED), True),
        (replace(ORDER, status=OrdStatus.NOT_RECEIVED), True),
        (replace(ORDER, status=OrdStatus.EXPIRED, reason_code="INSTRUCTION_EXPIRED"), True),
        (replace(ORDER, status=OrdStatus.EXPIRED, order_id="B1"), False),
        (replace(ORDER, status=OrdStatus.EXPIRED), False),
        (replace(ORDER, status=OrdStatus.REJECTED, cum_quantity=1), False),
        (replace(ORDER, status=OrdStatus.EXPIRED, cum_quantity=1), False),
        (replace(ORDER, status=OrdStatus.CANCELED), False),
        (replace(ORDER, status=OrdStatus.FILLED, cum_quantity=whole(10)), False),
        (replace(ORDER, status=OrdStatus.NEW), False),
        (replace(ORDER, status=OrdStatus.IN_DOUBT), False),
    ],
)
def test_only_what_was_never_taken_is_retried(order: OrderRow, again: bool) -> None:
    assert bool(retry_rows([order])) is again


def test_a_reverse_takes_back_what_was_filled_at_the_market() -> None:
    bought = replace(ORDER, cum_quantity=whole(3), status=OrdStatus.CANCELED)
    sold = replace(bought, cl_ord_id="O2", side=Side.SELL)

    found = [row for _, row in reverse_rows([bought, ORDER, sold])]

    assert found == [
        BatchRow(
            *(0, "P-1", "NSE:2885", Side.SELL, Product.MTF, OrdType.MARKET, whole(3)), source="O1"
        ),
        BatchRow(
            *(0, "P-1", "NSE:2885", Side.BUY, Product.MTF, OrdType.MARKET, whole(3)), source="O2"
        ),
    ]
