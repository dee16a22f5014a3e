from phalanx.domain.pnl import TradePnl, shared
from tests.engine_world import fixed


def test_a_trade_by_hand() -> None:
    bought = TradePnl().buy(fixed("10"), fixed("1000"), fixed("1"))
    more = bought.buy(fixed("10"), fixed("1100"), fixed("1"))
    partly = more.sell(fixed("5"), fixed("600"), fixed("0.5"))
    closed = partly.sell(fixed("15"), fixed("1500"), fixed("1.5"))

    assert bought.realized == fixed("-1"), "charges count when they are paid"
    assert more.average_price == fixed("105")
    assert more.unrealized(fixed("110")) == fixed("100")
    assert partly.realized == fixed("72.5")
    assert (partly.remaining, partly.remaining_cost) == (fixed("15"), fixed("1575"))
    assert (closed.remaining, closed.remaining_cost) == (0, 0)
    assert closed.realized == fixed("600") + fixed("1500") - fixed("2100") - fixed("4")


def test_an_average_that_does_not_come_out_even_leaves_nothing_behind() -> None:
    pnl = TradePnl().buy(3, 10, 0)

    for _ in range(3):
        pnl = pnl.sell(1, 5, 0)

    assert (pnl.sold_cost, pnl.realized) == (10, 5)


def test_nothing_bought_has_no_price() -> None:
    assert TradePnl().average_price == 0
    assert TradePnl().unrealized(fixed("5")) == 0


def test_shares_of_a_loss_add_up_too() -> None:
    assert shared(-10, [1, 1, 1]) == [-4, -3, -3]
