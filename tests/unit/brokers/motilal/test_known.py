from phalanx.brokers.motilal.endpoints import Scale
from phalanx.brokers.motilal.known import KnownOrders
from phalanx.brokers.motilal.rows import order_of, terms_of, trade_of
from phalanx.domain.numbers import whole
from tests.unit.brokers.motilal.samples import ORDER, TRADE, as_row

ID = "1000001AA020"


def see(known: KnownOrders, **changes: object) -> None:
    row = as_row(ORDER | changes)
    known.seen(order_of(row, "A"), terms_of(row))


def execute(known: KnownOrders, **changes: object) -> None:
    known.executed(trade_of(as_row(TRADE | changes), "A", Scale.BY_PRECISION, 0))


def cum(known: KnownOrders) -> int:
    found = known.get(ID, "A")
    assert found is not None
    return found.cum_quantity


def test_executions_are_counted_once_each() -> None:
    known = KnownOrders()

    execute(known, tradeno="1", tradeqty=5)
    execute(known, tradeno="1", tradeqty=5)
    execute(known, tradeno="2", tradeqty=3)

    assert cum(known) == whole(8)


def test_the_greater_of_a_total_and_its_executions_counts() -> None:
    known = KnownOrders()

    see(known, totalqtytraded=10)
    execute(known, tradeno="1", tradeqty=5)

    assert cum(known) == whole(10)


def test_an_acceptance_joins_tag_and_id() -> None:
    known = KnownOrders()

    known.accepted(ID, "A", "K700000001")

    assert known.order_id("K700000001") == ID
    assert known.order_id("K700000002") == ""


def test_nobody_sees_an_order_of_another_account() -> None:
    known = KnownOrders()
    see(known)

    assert known.get(ID, "B") is None


def test_an_id_that_is_given_again_is_another_order() -> None:
    known = KnownOrders()
    see(known, totalqtytraded=10)
    see(known, tag="K700000009")

    assert cum(known) == 0
    assert known.order_id("K700000001") == ""
    assert known.order_id("K700000009") == ID


def test_the_oldest_are_forgotten_first() -> None:
    known = KnownOrders(orders_max=2)
    for number in (1, 2, 1, 3):
        see(known, uniqueorderid=f"{number}AA020", tag=f"K70000000{number}")

    assert len(known) == 2
    assert known.order_id("K700000002") == ""
    assert known.order_id("K700000001") == "1AA020"
