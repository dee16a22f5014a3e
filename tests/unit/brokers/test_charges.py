"""Many small fills cost no more than the one fill that a hold is counted for."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from phalanx.brokers.paper.orders import PaperOrder
from phalanx.domain.accounts import Account
from phalanx.domain.numbers import multiply, share_up, whole
from phalanx.domain.orders import ExecType, ExecutionReport
from tests.fakes.clock import START
from tests.fakes.paper import ACCOUNT, SHARE, order


def _order(quantity: int, limit: int, charge_bps: int) -> PaperOrder:
    request = msgspec.structs.replace(order(), quantity=quantity, limit=limit)
    account = Account(ACCOUNT, 1, charge_bps=charge_bps)
    return PaperOrder(request, "P", account, SHARE, START, START)


def _fill(paper: PaperOrder, quantity: int, price: int) -> int:
    charges = paper.charges_of(quantity, price)
    paper.record(
        ExecutionReport(
            paper.cl_ord_id,
            ExecType.TRADE,
            exec_id=str(paper.cum_quantity),
            cum_quantity=paper.cum_quantity + quantity,
            last_quantity=quantity,
            last_price=price,
            charges=charges,
        )
    )
    return charges


def test_charges_are_rounded_up_once_for_all_fills() -> None:
    paper = _order(whole(3), limit=1, charge_bps=3)

    charges = [_fill(paper, whole(1), 1) for _ in range(3)]

    assert charges == [1, 0, 0]
    assert sum(charges) == share_up(multiply(1, whole(3)), 3)


@given(
    st.lists(st.integers(1, 10**10), min_size=1, max_size=8),
    st.integers(1, 10**12),
    st.integers(0, 300),
    st.data(),
)
def test_fills_within_the_limit_cost_no_more_than_the_estimate(
    parts: list[int], limit: int, charge_bps: int, data: st.DataObject
) -> None:
    paper = _order(sum(parts), limit, charge_bps)

    charges = [_fill(paper, part, data.draw(st.integers(1, limit))) for part in parts]

    assert all(charge >= 0 for charge in charges)
    assert sum(charges) <= share_up(multiply(limit, sum(parts)), charge_bps)
