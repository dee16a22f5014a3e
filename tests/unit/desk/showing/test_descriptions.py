"""Every kind of instruction in a few words."""

import pytest

from phalanx.desk.showing.descriptions import describe
from phalanx.domain.allocation import Allocation, Method
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
    ExitScope,
    InstructionRequest,
    OrderRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.kills import EVERYBODY, KillLevel, KillScope
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side

ROW = BatchRow(7, "", "INFY", Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(10))


def shared(allocation: Allocation, selection: Selection = Selection()) -> AllocatedRequest:  # noqa: B008  frozen
    return AllocatedRequest(
        "RELIANCE",
        Side.SELL,
        Product.DELIVERY,
        OrdType.MARKET,
        allocation,
        selection=selection,
    )


def order(account: str = "", ord_type: OrdType = OrdType.LIMIT) -> OrderRequest:
    quantity = parse_fixed("2.5")
    return OrderRequest(7, account, "INFY", Side.BUY, Product.DELIVERY, ord_type, quantity)


SAID: list[tuple[InstructionRequest, str]] = [
    (SignalRequest("RED", "MINDA", Side.BUY), "RED BUY MINDA"),
    (order(), "BUY 2.5 INFY for client 7"),
    (order("A1", OrdType.STOP), "BUY 2.5 INFY at a stop for A1"),
    (PriorityBuyRequest("nifty"), "priority list nifty"),
    (
        PriorityBuyRequest(instruments=("A", "B"), selection=Selection(groups=("core",))),
        "priority list of A, B for group core",
    ),
    (PriorityBuyRequest(instruments=("A",) * 49), "priority list of 49 stocks"),
    (BatchRequest((ROW,) * 120), "basket of 120 orders"),
    (BatchRequest((ROW,)), "basket of BUY 10 INFY"),
    (shared(Allocation(Method.EQUAL_CASH, whole(100_000))), "SELL RELIANCE, equal_cash 100000"),
    (
        shared(Allocation(Method.PERCENT_OF_CASH, 1_250), Selection(clients=(1, 2))),
        "SELL RELIANCE, 12.5 percent_of_cash for client 1, client 2",
    ),
    (
        shared(Allocation(Method.QUANTITIES, quantities=(("A1", 1), ("A2", 2)))),
        "SELL RELIANCE, quantities for 2 accounts",
    ),
    (
        shared(Allocation(Method.LIKE, quantities=(("A1", 1),), instruction="IAA00000009")),
        "SELL RELIANCE, quantities like IAA00000009",
    ),
    (ExitRequest("RELIANCE", percent_bps=5_000), "exit 50 % of RELIANCE"),
    (ExitRequest(trade="AA00000001"), "exit trade AA00000001"),
    (
        ExitRequest(scope=ExitScope.POSITIONS, selection=Selection(accounts=tuple("ABCD"))),
        "exit everything for 4 accounts, clients and groups, positions only",
    ),
    (
        ExitRequest(scope=ExitScope.POSITIONS, held_only=True),
        "exit everything, positions only, what works stays",
    ),
    (CancelRestRequest("IAA00000001"), "cancel the rest of IAA00000001"),
    (CancelOpenRequest(EVERYBODY), "cancel what works of everybody"),
    (
        CancelOpenRequest(KillScope(KillLevel.STRATEGY, "RED"), exits=True),
        "cancel what works of strategy RED, exits too",
    ),
]


@pytest.mark.parametrize(("request_", "said"), SAID, ids=[said for _, said in SAID])
def test_an_instruction_is_said_in_a_few_words(request_: InstructionRequest, said: str) -> None:
    assert describe(request_) == said


def test_a_list_by_name_says_what_it_came_to() -> None:
    assert describe(PriorityBuyRequest("nifty"), 49) == "priority list nifty, 49 stocks"
