import json
from typing import Any

import pytest

from phalanx.brokers.motilal.hearing import Hearing
from phalanx.brokers.motilal.known import KnownOrders
from phalanx.brokers.motilal.reports import ErrorFrame, OrderFrame, TradeFrame, read_frame
from phalanx.brokers.motilal.row import BadData
from phalanx.brokers.motilal.times import parse_time
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import ExecType, ExecutionReport
from tests.fakes.clock import ManualClock
from tests.unit.brokers.motilal.samples import ORDER, TRADE

FRAME = TRADE | {"tradeprice": 2784.0}


def heard(hearing: Hearing, row: dict[str, Any], **changes: object) -> list[ExecutionReport]:
    frame = read_frame(json.dumps(row | changes))
    assert isinstance(frame, OrderFrame | TradeFrame)
    return hearing.reports(frame, "A")


@pytest.fixture
def hearing() -> Hearing:
    return Hearing(KnownOrders(), lambda _key: 0, ManualClock())


def test_a_working_order_is_news(hearing: Hearing) -> None:
    assert heard(hearing, ORDER) == [
        ExecutionReport(
            "K700000001",
            ExecType.NEW,
            "1000001AA020",
            time=parse_time("14-Feb-2023 10:52:50"),
            account="A",
        )
    ]


def test_an_execution_has_the_tag_of_its_order_and_what_all_come_to(hearing: Hearing) -> None:
    heard(hearing, ORDER)
    first = heard(hearing, FRAME, tradeno="1", tradeqty=5)[0]
    again = heard(hearing, FRAME, tradeno="1", tradeqty=5)[0]
    second = heard(hearing, FRAME, tradeno="2", tradeqty=15)[0]

    assert (first.cl_ord_id, first.exec_type) == ("K700000001", ExecType.TRADE)
    assert (first.last_quantity, first.cum_quantity) == (whole(5), whole(5))
    assert first.last_price == parse_fixed("2784")
    assert again == first
    assert (second.last_quantity, second.cum_quantity) == (whole(15), whole(20))


def test_an_execution_of_an_order_that_was_not_seen_says_whose_account_it_is(
    hearing: Hearing,
) -> None:
    report = heard(hearing, FRAME)[0]

    assert (report.cl_ord_id, report.order_id, report.account) == ("", "1000001AA020", "A")


@pytest.mark.parametrize(
    ("status", "exec_type"),
    [("Cancel", ExecType.CANCELED), ("Rejected", ExecType.REJECTED), ("Error", ExecType.REJECTED)],
)
def test_an_end_says_how_much_was_filled_before(
    hearing: Hearing, status: str, exec_type: ExecType
) -> None:
    reports = heard(hearing, ORDER, orderstatus=status, totalqtytraded=5, error="so it is")

    assert [report.exec_type for report in reports] == [exec_type]
    assert (reports[0].cum_quantity, reports[0].text) == (whole(5), "so it is")


def test_a_filled_order_says_nothing_that_its_executions_do_not_say(hearing: Hearing) -> None:
    assert heard(hearing, ORDER, orderstatus="Traded", totalqtytraded=20) == []


def test_a_modified_order_is_reported_with_its_terms(hearing: Hearing) -> None:
    heard(hearing, ORDER)
    known = hearing.known.get("1000001AA020", "A")
    assert known is not None
    known.told = known.terms

    changes = {"lastmodifiedtime": "14-Feb-2023 10:52:50", "orderqty": 30, "price": 2790.25}
    reports = heard(hearing, ORDER, **changes)

    assert [report.exec_type for report in reports] == [ExecType.NEW, ExecType.REPLACED]
    assert (reports[1].quantity, reports[1].price) == (whole(30), parse_fixed("2790.25"))


def test_each_version_of_an_order_is_reported_once(hearing: Hearing) -> None:
    changed = {"lastmodifiedtime": "14-Feb-2023 10:55:00", "price": 2790.25}

    reports = heard(hearing, ORDER, **changed) + heard(hearing, ORDER, **changed)
    same_second = heard(hearing, ORDER, **changed | {"price": 2791})

    assert [report.exec_type for report in reports].count(ExecType.REPLACED) == 1
    assert same_second[1].price == parse_fixed("2791")


def test_a_version_that_a_modify_began_from_is_not_what_came_of_it(hearing: Hearing) -> None:
    changed = {"lastmodifiedtime": "14-Feb-2023 10:55:00", "price": 2790.25}
    heard(hearing, ORDER, **changed)
    known = hearing.known.get("1000001AA020", "A")
    assert known is not None
    known.told = known.terms

    again = heard(hearing, ORDER, **changed)
    filled = heard(hearing, ORDER, **changed, totalqtytraded=5, qtytradedtoday=5)
    next_one = heard(hearing, ORDER, **changed | {"lastmodifiedtime": "14-Feb-2023 10:56:00"})

    assert [report.exec_type for report in again] == [ExecType.NEW]
    assert [report.exec_type for report in filled] == [ExecType.NEW]
    assert [report.exec_type for report in next_one] == [ExecType.NEW, ExecType.REPLACED]


def test_a_price_in_paise_is_not_booked(hearing: Hearing) -> None:
    heard(hearing, ORDER)

    with pytest.raises(BadData, match="ODD_SCALE"):
        heard(hearing, TRADE)


def test_a_price_is_held_against_the_last_where_the_order_has_none() -> None:
    hearing = Hearing(KnownOrders(), lambda _key: parse_fixed("2780"), ManualClock())

    with pytest.raises(BadData, match="ODD_SCALE"):
        heard(hearing, TRADE)
    assert len(heard(hearing, FRAME)) == 1


@pytest.mark.parametrize("text", ['{"status":"SUCCESS"}', "{}", '{"action":"heartbeat"}'])
def test_what_is_neither_order_trade_nor_error_is_nothing(text: str) -> None:
    assert read_frame(text) is None


def test_an_error_frame_has_its_code() -> None:
    assert read_frame('{"errorCode":"mo1001","message":"bad"}') == ErrorFrame("MO1001", "bad")


@pytest.mark.parametrize("text", ["", "[]", "pong", '{"orderstatus":"Sent"}', "{" * 70_000])
def test_a_frame_that_is_none_is_a_declared_error(text: str) -> None:
    with pytest.raises(BadData):
        read_frame(text)
