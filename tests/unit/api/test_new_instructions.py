import msgspec
import pytest

from phalanx.api.decoding import Body
from phalanx.api.instruction_shapes import InstructionBody
from phalanx.api.new_instructions import NewInstruction, Size, moment, read_instruction
from phalanx.api.problems import Problem
from phalanx.domain.accounts import Mode
from phalanx.domain.allocation import Allocation, Leftover, ListAllocation, ListMethod, Method
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    ExitRequest,
    ExitScope,
    OrderRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.time import SECOND

_body: Body[InstructionBody] = Body(InstructionBody)
LINE = {"client": 7, "instrument": "TCS", "side": "BUY", "quantity": "10"}
SHARED = {"kind": "batch", "instrument": "TCS", "side": "BUY"}


def read(**fields: object) -> NewInstruction:
    return read_instruction(_body.decode(msgspec.json.encode(fields)))


def refusal(**fields: object) -> tuple[str, str | None]:
    with pytest.raises(Problem) as refused:
        read(**fields)
    assert refused.value.status == 422
    return refused.value.code, refused.value.field


def test_a_signal_for_some() -> None:
    asked = read(
        kind="signal",
        strategy="B",
        instrument=2885,
        position="SELL",
        accounts=["P-1"],
        clients=[3],
        groups=["core"],
        mode="paper",
        note="n",
        expires_s=9,
    )

    selection = Selection(("P-1",), (3,), ("core",), Mode.PAPER)
    assert asked == NewInstruction(SignalRequest("B", "2885", Side.SELL, selection), "n", 9)


def test_a_stop_limit_order() -> None:
    asked = read(
        kind="order",
        account_id="P-1",
        instrument="TCS",
        side="SELL",
        quantity=3,
        type="SL",
        price="99.5",
        stop_price=100,
        product="INTRADAY",
        time_in_force="IOC",
        mode="live",
    )

    assert asked.request == OrderRequest(
        0,
        "P-1",
        "TCS",
        Side.SELL,
        Product.INTRADAY,
        OrdType.STOP_LIMIT,
        whole(3),
        9_950_000_000,
        TimeInForce.IOC,
        whole(100),
        Mode.LIVE,
    )


def test_a_priority_buy_down_a_kept_list() -> None:
    asked = read(kind="priority_buy", list="nifty", groups=["core"], max_new=10)

    expected = PriorityBuyRequest("nifty", max_new=10, selection=Selection(groups=("core",)))
    assert asked.request == expected


def test_a_priority_buy_with_everything_said() -> None:
    asked = read(
        kind="priority_buy",
        instruments=["TCS", 2885],
        allocation="fixed_amount",
        amount="5000",
        leftover="one_lot",
        max_new=2,
        max_names=5,
        min_order_value=100,
        product="MTF",
    )

    allocation = ListAllocation(ListMethod.FIXED_AMOUNT, whole(5_000), Leftover.ONE_LOT, whole(100))
    assert asked.request == PriorityBuyRequest(
        "", ("TCS", "2885"), allocation, 2, 5, Product.MTF, Selection()
    )


def test_rows_have_terms_of_their_own() -> None:
    limit = {**LINE, "type": "LIMIT", "price": 5, "account_id": "P-7", "product": "MTF"}

    asked = read(kind="batch", rows=[LINE, limit], mode="paper")

    market = BatchRow(7, "", "TCS", Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(10))
    other = BatchRow(7, "P-7", "TCS", Side.BUY, Product.MTF, OrdType.LIMIT, whole(10), whole(5))
    assert asked.request == BatchRequest((market, other), Mode.PAPER)


@pytest.mark.parametrize(
    ("allocation", "method", "amount"),
    [
        ({"method": "equal_quantity", "quantity": 100}, Method.EQUAL_QUANTITY, whole(100)),
        ({"method": "fixed_quantity", "quantity": "1.5"}, Method.FIXED_QUANTITY, 150_000_000),
        ({"method": "multiplier", "quantity": 2}, Method.MULTIPLIER, whole(2)),
        ({"method": "equal_cash", "amount": 9}, Method.EQUAL_CASH, whole(9)),
        ({"method": "fixed_cash", "amount": 9}, Method.FIXED_CASH, whole(9)),
        ({"method": "percent_of_cash", "percent": "2.5"}, Method.PERCENT_OF_CASH, 250),
        ({"method": "percent_of_net_value", "percent": 100}, Method.PERCENT_OF_NET_VALUE, 10_000),
        ({"method": "percent_of_position", "percent": 50}, Method.PERCENT_OF_POSITION, 5_000),
    ],
)
def test_one_instrument_is_shared_out(
    allocation: dict[str, object], method: Method, amount: int
) -> None:
    request = read(**SHARED, allocation=allocation).request

    assert isinstance(request, AllocatedRequest)
    assert request.allocation == Allocation(method, amount)
    assert (request.instrument, request.side, request.ord_type) == ("TCS", Side.BUY, OrdType.MARKET)


def test_quantities_are_left_open_for_the_clients_accounts() -> None:
    sizes = [{"client": 7, "quantity": 0}, {"account": "P-1", "quantity": "3"}]

    asked = read(**SHARED, allocation={"method": "quantities", "quantities": sizes})

    assert asked.sizes == (Size("", 7, 0), Size("P-1", 0, whole(3)))
    assert isinstance(asked.request, AllocatedRequest)
    assert asked.request.allocation == Allocation(Method.QUANTITIES)


def test_like_names_the_other_instruction() -> None:
    request = read(**SHARED, allocation={"method": "like", "instruction": "I1"}).request

    assert isinstance(request, AllocatedRequest)
    assert request.allocation == Allocation(Method.LIKE, instruction="I1")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"instrument": "TCS"}, ExitRequest("TCS")),
        ({"trade": "A1"}, ExitRequest(trade="A1")),
        ({"instrument": "TCS", "percent": "33.33"}, ExitRequest("TCS", percent_bps=3_333)),
        ({"everything": True}, ExitRequest(scope=ExitScope.POSITIONS)),
        (
            {"clients": [1], "scope": "both"},
            ExitRequest(scope=ExitScope.BOTH, selection=Selection(clients=(1,))),
        ),
        (
            {"groups": ["core"]},
            ExitRequest(scope=ExitScope.POSITIONS, selection=Selection(groups=("core",))),
        ),
        (
            {"instrument": "TCS", "scope": "holdings", "product": "MTF", "price": 9},
            ExitRequest("TCS", scope=ExitScope.HOLDINGS, product=Product.MTF, price=whole(9)),
        ),
    ],
)
def test_an_exit_says_what_it_is_of(fields: dict[str, object], expected: ExitRequest) -> None:
    assert read(kind="exit", **fields).request == expected


def test_an_exit_s_bound_is_left_open_for_the_accounts() -> None:
    request = read(kind="exit", instrument="TCS", quantity=5).request

    assert isinstance(request, ExitRequest)
    assert request.each_max == whole(5)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({}, "NOTHING_CHOSEN", "everything"),
        ({"everything": False}, "NOTHING_CHOSEN", "everything"),
        ({"mode": "paper"}, "NOTHING_CHOSEN", "everything"),
        ({"percent": 50}, "NOTHING_CHOSEN", "everything"),
        ({"everything": True, "instrument": "TCS"}, "CONTRADICTING_FIELDS", "instrument"),
        ({"everything": True, "trade": "A"}, "CONTRADICTING_FIELDS", "trade"),
        ({"everything": True, "groups": ["a"]}, "CONTRADICTING_FIELDS", "groups"),
        ({"trade": "A", "instrument": "TCS"}, "CONTRADICTING_FIELDS", "instrument"),
        ({"trade": "A", "clients": [1]}, "CONTRADICTING_FIELDS", "clients"),
        ({"everything": True, "quantity": 5}, "CONTRADICTING_FIELDS", "quantity"),
        ({"accounts": ["P"], "price": 5}, "CONTRADICTING_FIELDS", "price"),
        ({"accounts": []}, "INVALID_VALUE", "accounts"),
        ({"clients": []}, "INVALID_VALUE", "clients"),
        ({"groups": [""]}, "EMPTY_TEXT", "groups[0]"),
        ({"trade": ""}, "EMPTY_TEXT", "trade"),
        ({"instrument": "TCS", "percent": 0}, "NOT_POSITIVE", "percent"),
        ({"instrument": "TCS", "percent": 100.01}, "INVALID_VALUE", "percent"),
        ({"instrument": "TCS", "percent": "0.001"}, "TOO_PRECISE", "percent"),
        ({"instrument": "TCS", "quantity": 0}, "NOT_POSITIVE", "quantity"),
        ({"instrument": "TCS", "scope": "all"}, "INVALID_VALUE", "scope"),
    ],
)
def test_an_exit_that_is_none(fields: dict[str, object], code: str, field: str) -> None:
    assert refusal(kind="exit", **fields) == (code, field)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({}, "MISSING_FIELD", "list"),
        ({"list": "a", "instruments": ["TCS"]}, "CONTRADICTING_FIELDS", "instruments"),
        ({"list": "a", "amount": 5}, "CONTRADICTING_FIELDS", "amount"),
        (
            {"list": "a", "allocation": "equal_split", "amount": 5},
            *("CONTRADICTING_FIELDS", "amount"),
        ),
        ({"list": "a", "allocation": "fixed_amount"}, "MISSING_FIELD", "amount"),
        (
            {"list": "a", "allocation": "fixed_amount", "amount": 0},
            *("NOT_POSITIVE", "amount"),
        ),
        ({"list": "a", "min_order_value": -1}, "NOT_POSITIVE", "min_order_value"),
        ({"list": "a", "max_new": 0}, "INVALID_VALUE", "max_new"),
        ({"list": ""}, "EMPTY_TEXT", "list"),
        ({"instruments": []}, "INVALID_VALUE", "instruments"),
        ({"instruments": ["TCS", ""]}, "EMPTY_TEXT", "instruments[1]"),
    ],
)
def test_a_priority_buy_that_is_none(fields: dict[str, object], code: str, field: str) -> None:
    assert refusal(kind="priority_buy", **fields) == (code, field)


def test_a_row_s_fault_is_named_with_its_place() -> None:
    nobody = {key: value for key, value in LINE.items() if key != "client"}
    cases = {
        ("MISSING_FIELD", "rows[1].client"): nobody,
        ("NOT_POSITIVE", "rows[1].quantity"): {**LINE, "quantity": 0},
        ("PRICE_NOT_ALLOWED", "rows[1].price"): {**LINE, "price": 5},
        ("MISSING_FIELD", "rows[1].price"): {**LINE, "type": "LIMIT"},
        ("MISSING_FIELD", "rows[1].stop_price"): {**LINE, "type": "STOP"},
        ("PRICE_NOT_ALLOWED", "rows[1].stop_price"): {
            **LINE,
            "type": "LIMIT",
            "price": 5,
            "stop_price": 5,
        },
        ("INVALID_VALUE", "rows[1].side"): {**LINE, "side": "HOLD"},
        ("UNKNOWN_FIELD", "rows[1].surplus"): {**LINE, "surplus": 1},
        ("EMPTY_TEXT", "rows[1].instrument"): {**LINE, "instrument": ""},
    }

    found = {case: refusal(kind="batch", rows=[LINE, row]) for case, row in cases.items()}

    assert found == {case: case for case in cases}


@pytest.mark.parametrize(
    "field", ["instrument", "side", "type", "time_in_force", "product", "accounts", "groups"]
)
def test_rows_stand_alone(field: str) -> None:
    value = {
        "instrument": "TCS",
        "side": "BUY",
        "type": "MARKET",
        "time_in_force": "DAY",
        "product": "MTF",
        "accounts": ["P"],
        "groups": ["g"],
    }

    found = refusal(kind="batch", rows=[LINE], **{field: value[field]})

    assert found == ("CONTRADICTING_FIELDS", field)


def test_a_key_that_is_twice_in_a_row_is_found() -> None:
    content = b'{"kind":"batch","rows":[{"client":7,"client":8,"instrument":1,"side":"BUY","quantity":1}]}'

    with pytest.raises(Problem, match="DUPLICATE_FIELD"):
        _body.decode(content)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({}, "MISSING_FIELD", "rows"),
        ({"instrument": "TCS"}, "MISSING_FIELD", "side"),
        ({"instrument": "TCS", "side": "BUY"}, "MISSING_FIELD", "allocation"),
        ({"rows": []}, "INVALID_VALUE", "rows"),
    ],
)
def test_a_batch_that_is_none(fields: dict[str, object], code: str, field: str) -> None:
    assert refusal(kind="batch", **fields) == (code, field)


@pytest.mark.parametrize(
    ("allocation", "code", "field"),
    [
        ({}, "MISSING_FIELD", "method"),
        ({"method": "kelly"}, "INVALID_VALUE", "method"),
        ({"method": "equal_cash"}, "MISSING_FIELD", "amount"),
        ({"method": "equal_cash", "quantity": 5}, "CONTRADICTING_FIELDS", "quantity"),
        ({"method": "like", "instruction": "I", "amount": 1}, "CONTRADICTING_FIELDS", "amount"),
        ({"method": "like", "instruction": ""}, "EMPTY_TEXT", "instruction"),
        ({"method": "percent_of_cash", "percent": 101}, "INVALID_VALUE", "percent"),
        ({"method": "fixed_cash", "amount": 0}, "NOT_POSITIVE", "amount"),
        ({"method": "quantities", "quantities": []}, "INVALID_VALUE", "quantities"),
        (
            {"method": "quantities", "quantities": [{"quantity": 1}]},
            *("MISSING_FIELD", "quantities[0].client"),
        ),
        (
            {"method": "quantities", "quantities": [{"quantity": -1, "client": 1}]},
            *("NOT_POSITIVE", "quantities[0].quantity"),
        ),
        (
            {"method": "quantities", "quantities": [{"quantity": 1, "client": 1, "account": "P"}]},
            *("CONTRADICTING_FIELDS", "quantities[0].client"),
        ),
    ],
)
def test_an_allocation_that_is_none(allocation: dict[str, object], code: str, field: str) -> None:
    assert refusal(**SHARED, allocation=allocation) == (code, f"allocation.{field}")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1970-01-01T00:00:01Z", SECOND),
        ("1970-01-01T05:30:00.000001+05:30", 1_000),
        ("2026-11-20T09:15+05:30", 1_795_146_300 * SECOND),
        ("2026-11-19T22:45:00-05:00", 1_795_146_300 * SECOND),
    ],
)
def test_a_moment_is_exact(text: str, time: int) -> None:
    assert moment(text, "fire_at") == time


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "2026-11-20", "2026-11-20T09:15:00", "2026-11-20 09:15:00Z"),
        *("2026-02-30T00:00:00Z", "2026-11-20T25:00:00Z", "2026-11-20T09:15:00+24:00"),
        *("20261120T091500Z", "2026-W47-5T09:15Z", "2026-11-20T09:15:00.1234567Z", "9999-01-01T00:00Z"),
    ],
)  # fmt: skip
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(Problem) as refused:
        moment(text, "fire_at")

    assert (refused.value.code, refused.value.field) == ("INVALID_TIME", "fire_at")


def test_the_same_meaning_is_the_same_command() -> None:
    one = read(kind="exit", instrument="TCS", fire_at="2026-11-20T09:15:00+05:30", quantity=5)
    other = read(kind="exit", instrument="TCS", fire_at="2026-11-20T03:45:00Z", quantity="5.0")

    assert one == other
