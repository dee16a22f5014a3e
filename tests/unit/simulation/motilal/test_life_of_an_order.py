"""An order is accepted long before anybody knows what comes of it; lots go in, and shares come out."""

import pytest

from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.time import SECOND
from phalanx.simulation.motilal import Fault, FaultKind
from tests.fakes.motilal import (
    BANKNIFTY_PUT,
    CANCEL,
    ITC,
    MODIFY,
    MODIFY_BLINDLY,
    ORDER,
    ORDERS,
    PLACE,
    TRADES,
    TRADES_OF_ORDER,
    Caller,
    order,
    simulated,
)

FILLING = {"price": 412.5}
"""A tick above the ask of 412.40."""


async def test_a_failure_is_http_200_with_a_status_and_a_code(caller: Caller) -> None:
    answer = await caller.http.post(PLACE, json=order(producttype="CNC"))

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ERROR",
        "message": "Invalid Product Type Parameter",
        "errorcode": "MO1057",
        "data": None,
    }


async def test_nothing_found_is_a_failure_without_data(caller: Caller) -> None:
    for path, code in ((ORDERS, "MO1013"), (TRADES, "MO1014")):
        envelope = await caller.post(path)

        assert (envelope["status"], envelope["errorcode"]) == ("FAILURE", code)
        assert envelope["data"] is None


async def test_an_order_is_sent_then_confirmed_then_filled(caller: Caller) -> None:
    unique_id = await caller.place(**FILLING, tag="T1")
    sent = await caller.row(unique_id)
    caller.sim.step()
    confirmed = await caller.row(unique_id)
    caller.sim.step()
    filled = await caller.row(unique_id)

    assert unique_id.endswith("AA017")
    assert [row["orderstatus"] for row in (sent, confirmed, filled)] == [
        "Sent",
        "Confirm",
        "Traded",
    ]
    assert (sent["orderid"], sent["entrydatetime"]) == ("", "0")
    assert confirmed["entrydatetime"] == "05-Jan-2026 09:15:00"
    assert (filled["averageprice"], filled["qtytradedtoday"], filled["tag"]) == (412.4, 10, "T1")


async def test_a_fill_may_come_in_parts_of_whole_lots() -> None:
    async with simulated(partial_percent=100) as caller:
        unique_id = await caller.place(
            exchange="NSEFO",
            symboltoken=BANKNIFTY_PUT,
            producttype="NORMAL",
            price=313,
            quantityinlot=4,
        )
        caller.sim.step(2)
        partly = await caller.row(unique_id)
        caller.sim.step(10)
        trades = await caller.rows(TRADES_OF_ORDER, uniqueorderid=unique_id)

        assert partly["orderstatus"] == "Partial"
        assert (await caller.row(unique_id))["orderstatus"] == "Traded"
        assert len(trades) > 1
        assert {trade["tradeqty"] % 25 for trade in trades} == {0}
        assert sum(trade["tradeqty"] for trade in trades) == 100


async def test_lots_go_in_and_shares_come_out(caller: Caller) -> None:
    unique_id = await caller.place(
        exchange="NSEFO",
        symboltoken=BANKNIFTY_PUT,
        producttype="NORMAL",
        price=300,
        quantityinlot=3,
    )

    row = await caller.row(unique_id)

    assert (row["orderqty"], row["totalqtyremaining"], row["lotsize"]) == (75, 75, 25)


async def test_what_was_accepted_may_be_rejected_with_a_text(caller: Caller) -> None:
    caller.sim.faults.add(Fault(kind=FaultKind.REJECT, client="AA017", text="RMS: Scrip is banned"))
    unique_id = await caller.place(**FILLING)
    caller.sim.step(2)

    row = await caller.row(unique_id)

    assert (row["orderstatus"], row["error"]) == ("Rejected", "RMS: Scrip is banned")
    assert await caller.code(CANCEL, uniqueorderid=unique_id) == "MO1068"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"price": 400.03}, "tick size"),
        ({"quantityinlot": 100_001, "price": 330}, "freeze"),
        ({"quantityinlot": 5_000}, "Margin Exceeds"),
        ({"buyorsell": "SELL"}, "Holding quantity is insufficient"),
    ],
)
async def test_the_exchange_and_the_risk_desk_say_no_later(
    caller: Caller, changes: dict[str, object], text: str
) -> None:
    unique_id = await caller.place(**changes)
    caller.sim.step()

    row = await caller.row(unique_id)

    assert row["orderstatus"] == "Rejected"
    assert text in row["error"]


@pytest.mark.parametrize(
    ("status", "code"),
    [("Rejected", "MO1068"), ("Error", "MO1069"), ("Cancel", "MO1066"), ("Unknown", "MO1065")],
)
async def test_an_order_can_be_brought_to_any_end_or_out_of_sight(
    caller: Caller, status: str, code: str
) -> None:
    unique_id = await caller.place(**FILLING)
    asked = {"uniqueorderid": unique_id, "status": status, "text": "Price not available."}
    answer = await caller.http.post("/_simulator/statuses", json=asked)
    caller.sim.step(3)

    row = await caller.row(unique_id)

    assert answer.status_code == 200
    assert (row["orderstatus"], row["error"]) == (status, "Price not available.")
    assert await caller.code(CANCEL, uniqueorderid=unique_id) == code


async def test_a_cancel_is_asked_for_and_happens_later(caller: Caller) -> None:
    unique_id = await caller.place()
    caller.sim.step()
    answer = await caller.post(CANCEL, uniqueorderid=unique_id)
    still = await caller.row(unique_id)
    caller.sim.step()

    assert answer["message"] == "Cancel Order Request Sent"
    assert still["orderstatus"] == "Confirm"
    assert (await caller.row(unique_id))["orderstatus"] == "Cancel"
    assert await caller.code(CANCEL, uniqueorderid=unique_id) == "MO1066"


async def test_a_fill_may_come_before_a_cancel(caller: Caller) -> None:
    unique_id = await caller.place()
    caller.sim.step()
    await caller.post(CANCEL, uniqueorderid=unique_id)
    caller.sim.orders.fill(unique_id, 10, whole(400))
    caller.sim.step()

    assert (await caller.row(unique_id))["orderstatus"] == "Traded"
    assert await caller.code(CANCEL, uniqueorderid=unique_id) == "MO1067"


async def test_ioc_is_filled_with_its_confirmation_or_canceled(caller: Caller) -> None:
    taken = await caller.place(**FILLING, orderduration="IOC")
    left = await caller.place(orderduration="IOC")
    caller.sim.step()

    assert (await caller.row(taken))["orderstatus"] == "Traded"
    assert (await caller.row(left))["orderstatus"] == "Cancel"


@pytest.mark.parametrize(
    ("changes", "before", "after", "average"),
    [
        ({"triggerprice": 414, "price": 415}, "413.95", "414", 414.05),
        ({"triggerprice": 414, "price": 0}, "413.95", "416", 416.05),
    ],
    ids=["stop limit", "stop market"],
)
async def test_a_stop_waits_confirmed_for_its_trigger(
    caller: Caller, changes: dict[str, object], before: str, after: str, average: float
) -> None:
    unique_id = await caller.place(ordertype="STOPLOSS", **changes)
    caller.sim.prices.set("NSE", ITC, parse_fixed(before))
    caller.sim.step(3)
    waiting = await caller.row(unique_id)
    caller.sim.prices.set("NSE", ITC, parse_fixed(after))
    caller.sim.step()
    filled = await caller.row(unique_id)

    assert (waiting["orderstatus"], waiting["ordertype"]) == ("Confirm", "Stoploss")
    assert (filled["orderstatus"], filled["averageprice"]) == ("Traded", average)


async def test_a_triggered_stop_limit_rests_where_the_market_has_left_it(caller: Caller) -> None:
    unique_id = await caller.place(ordertype="STOPLOSS", triggerprice=414, price=415)
    caller.sim.step()
    caller.sim.prices.set("NSE", ITC, whole(416))
    caller.sim.step()
    rests = await caller.row(unique_id)
    caller.sim.prices.set("NSE", ITC, whole(413))
    caller.sim.step()

    assert rests["orderstatus"] == "Confirm"
    assert (await caller.row(unique_id))["averageprice"] == 413.05


async def test_outside_of_hours_only_an_amo_is_taken_and_waits(caller: Caller) -> None:
    assert await caller.code(PLACE, **order(amoorder="Y")) == "MO1061"
    await caller.http.post("/_simulator/market", json={"open": False})
    late = await caller.place(**FILLING)
    waits = await caller.place(**FILLING, amoorder="Y")
    caller.sim.step(3)
    asleep = await caller.row(waits)
    await caller.http.post("/_simulator/market", json={"open": True})
    caller.sim.step()

    assert (await caller.row(late))["error"] == "Market is closed"
    assert asleep["orderstatus"] == "Confirm"
    assert (await caller.row(waits))["orderstatus"] == "Traded"


async def test_the_same_tag_twice_is_two_orders(caller: Caller) -> None:
    first = await caller.place(tag="SAME")
    second = await caller.place(tag="SAME")

    assert first != second
    assert [row["tag"] for row in await caller.rows(ORDERS)] == ["SAME", "SAME"]


async def test_the_detail_of_an_order_is_a_list_without_a_tag(caller: Caller) -> None:
    unique_id = await caller.place(tag="T1")

    (row,) = await caller.rows(ORDER, uniqueorderid=unique_id)

    assert (row["ordertype"], row["booktype"]) == ("C", "Limit")
    assert "tag" not in row
    assert await caller.code(ORDER, uniqueorderid="1AA017") == "MO1013"
    assert await caller.code(ORDER) == "MO1070"


# --- changes -------------------------------------------------------------------------------------------


def change(unique_id: str, **changes: object) -> dict[str, object]:
    return {
        "uniqueorderid": unique_id,
        "newordertype": "LIMIT",
        "neworderduration": "DAY",
        "newprice": 401,
        "newtriggerprice": 0,
        "newquantityinlot": 20,
        "newdisclosedquantity": 0,
        "newgoodtilldate": "",
        "lastmodifiedtime": "05-Jan-2026 09:15:00",
        "qtytradedtoday": 0,
        **changes,
    }


async def test_a_change_is_for_who_knows_the_order_as_it_is(caller: Caller) -> None:
    unique_id = await caller.place()
    caller.sim.step()
    before = await caller.row(unique_id)
    for wrong, code in (
        ({"lastmodifiedtime": "0"}, "MO1089"),
        ({"lastmodifiedtime": "05-Jan-2026 09:15:01"}, "MO1089"),
        ({"qtytradedtoday": 1}, "MO1090"),
        ({"qtytradedtoday": "0"}, "MO1090"),
    ):
        assert await caller.code(MODIFY, **change(unique_id, **wrong)) == code

    caller.clock.advance(5 * SECOND)
    answer = await caller.post(MODIFY, **change(unique_id))
    caller.sim.step()
    after = await caller.row(unique_id)

    assert "uniqueorderid" not in answer
    assert before["lastmodifiedtime"] == "0"
    assert (after["price"], after["orderqty"]) == (401, 20)
    assert after["lastmodifiedtime"] == "05-Jan-2026 09:15:05"


async def test_once_changed_an_order_goes_by_the_time_of_the_change(caller: Caller) -> None:
    unique_id = await caller.place()
    caller.sim.step()
    caller.clock.advance(5 * SECOND)
    await caller.post(MODIFY, **change(unique_id))
    caller.sim.step()

    assert await caller.code(MODIFY, **change(unique_id)) == "MO1089"
    later = change(unique_id, lastmodifiedtime="05-Jan-2026 09:15:05", newprice=402)
    assert (await caller.post(MODIFY, **later))["status"] == "SUCCESS"


async def test_the_newer_path_changes_blindly(caller: Caller) -> None:
    unique_id = await caller.place()
    caller.sim.step()
    blind = change(unique_id)
    del blind["lastmodifiedtime"], blind["qtytradedtoday"]

    assert await caller.code(MODIFY, **blind) == "MO1089"
    assert (await caller.post(MODIFY_BLINDLY, **blind))["status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"newordertype": "MARKET"}, "M01108"),
        ({"newquantityinlot": 4}, "MO1055"),
        ({"newprice": 600}, "MO1074"),
        ({"neworderduration": "NOW"}, "MO1054"),
        ({"uniqueorderid": ""}, "MO1070"),
        ({"uniqueorderid": "9AA017"}, "MO1060"),
    ],
)
async def test_a_change_is_checked_like_an_order(
    caller: Caller, changes: dict[str, object], code: str
) -> None:
    unique_id = await caller.place()
    caller.sim.step()
    caller.sim.orders.fill(unique_id, 4, whole(400))

    asked = change(unique_id, qtytradedtoday=4) | changes
    assert await caller.code(MODIFY, **asked) == code


async def test_a_change_that_a_fill_overtook_is_forgotten(caller: Caller) -> None:
    unique_id = await caller.place()
    caller.sim.step()
    await caller.post(MODIFY, **change(unique_id, newquantityinlot=5))
    caller.sim.orders.fill(unique_id, 6, whole(400))
    caller.sim.step()

    row = await caller.row(unique_id)

    assert (row["orderqty"], row["price"], row["lastmodifiedtime"]) == (10, 400, "0")


# --- the rate ------------------------------------------------------------------------------------------


async def test_the_eleventh_request_of_a_clock_second_is_refused(caller: Caller) -> None:
    first = await caller.place()
    for _ in range(8):
        await caller.place()
    assert (await caller.post(CANCEL, uniqueorderid=first))["status"] == "SUCCESS"

    refused = await caller.post(PLACE, **order())
    other = await caller.place(exchange="BSE", symboltoken=500116, price=90)
    caller.clock.advance(SECOND)

    assert (refused["status"], refused["message"]) == ("ERROR", "Orders Per Second Limit Exceeded")
    assert other
    assert await caller.place()


async def test_changes_and_cancels_count_like_orders() -> None:
    async with simulated(ops_max=1) as caller:
        unique_id = await caller.place()
        refused = await caller.post(CANCEL, uniqueorderid=unique_id)
        changed = await caller.post(MODIFY_BLINDLY, **change(unique_id))
        caller.sim.step(2)

        assert refused["message"] == changed["message"] == "Orders Per Second Limit Exceeded"
        row = await caller.row(unique_id)
        assert (row["orderstatus"], row["price"]) == ("Confirm", 400)


async def test_a_clock_second_begins_at_zero_wherever_the_last_one_ended(caller: Caller) -> None:
    caller.clock.advance(SECOND - 1)
    for _ in range(10):
        await caller.place()
    caller.clock.advance(1)

    for _ in range(10):
        await caller.place()


async def test_what_is_too_much_may_also_be_accepted_and_rejected() -> None:
    async with simulated(ops_excess="reject", ops_max=1) as caller:
        kept, doomed = await caller.place(), await caller.place()
        caller.sim.step()

        assert (await caller.row(kept))["orderstatus"] == "Confirm"
        row = await caller.row(doomed)
        assert (row["orderstatus"], row["error"]) == (
            "Rejected",
            "Orders Per Second Limit Exceeded",
        )
