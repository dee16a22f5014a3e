import msgspec
import pytest

from phalanx.api.asked import asked
from phalanx.api.decoding import Body
from phalanx.api.instruction_shapes import InstructionBody
from phalanx.api.new_instructions import read_instruction
from phalanx.domain.allocation import Allocation, Method
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
)
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side

_body: Body[InstructionBody] = Body(InstructionBody)

GIVEN: list[dict[str, object]] = [
    {
        "kind": "signal", "strategy": "B", "instrument": "TCS", "position": "BUY",
        "accounts": ["P-1"], "mode": "paper",
    },
    {
        "kind": "order", "client": 7, "instrument": "TCS", "side": "SELL", "type": "STOP_LIMIT",
        "product": "MTF", "quantity": "10", "price": "9.5", "stop_price": "10",
        "time_in_force": "IOC", "mode": "live",
    },
    {
        "kind": "priority_buy", "list": "nifty", "allocation": "fixed_amount", "amount": "5",
        "leftover": "one_lot", "max_new": 3, "max_names": 4, "min_order_value": "2",
        "product": "DELIVERY", "groups": ["core"], "clients": [1, 2],
    },
    {"kind": "priority_buy", "instruments": ["TCS", "INFY"], "allocation": "equal_split"},
    {
        "kind": "batch", "instrument": "TCS", "side": "BUY", "type": "LIMIT", "price": "5",
        "allocation": {"method": "equal_cash", "amount": "100000"},
    },
    {
        "kind": "batch", "instrument": "TCS", "side": "BUY",
        "allocation": {"method": "multiplier", "quantity": "3"},
    },
    {
        "kind": "batch", "instrument": "TCS", "side": "BUY",
        "allocation": {"method": "percent_of_cash", "percent": "2.5"},
    },
    {
        "kind": "exit", "instrument": "NSE:2885", "percent": "50", "scope": "both",
        "clients": [1], "product": "MTF", "price": "7",
    },
    {"kind": "exit", "trade": "A1", "percent": "100", "scope": "holdings", "quantity": "7"},
]  # fmt: skip


@pytest.mark.parametrize("body", GIVEN, ids=range(len(GIVEN)))
def test_what_was_asked_is_said_in_the_words_of_the_body(body: dict[str, object]) -> None:
    request = read_instruction(_body.decode(msgspec.json.encode(body))).request

    found = msgspec.to_builtins(asked(request, in_full=False))

    assert {key: without_nulls(found[key]) for key in body} == body


def without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: one for key, one in value.items() if one is not None}
    return list(value) if isinstance(value, tuple) else value


def test_rows_are_shown_by_the_instruction_itself_only() -> None:
    row = BatchRow(7, "", "TCS", Side.BUY, Product.MTF, OrdType.MARKET, whole(1), source="O1")
    request = BatchRequest((row,))

    in_list = msgspec.to_builtins(asked(request, in_full=False))
    by_itself = msgspec.to_builtins(asked(request, in_full=True))

    assert (in_list["kind"], in_list["rows"], in_list["rows_total"]) == ("batch", None, 1)
    assert by_itself["rows"] == [
        {
            "client": 7,
            "account_id": None,
            "instrument": "TCS",
            "side": "BUY",
            "product": "MTF",
            "type": "MARKET",
            "quantity": "1",
            "price": None,
            "stop_price": None,
            "time_in_force": "DAY",
            "source": "O1",
        }
    ]


def test_quantities_are_shown_by_the_instruction_itself_only() -> None:
    allocation = Allocation(Method.LIKE, 0, (("P-1", whole(5)),), "I1")
    request = AllocatedRequest("TCS", Side.BUY, Product.DELIVERY, OrdType.MARKET, allocation)

    in_list = msgspec.to_builtins(asked(request, in_full=False))["allocation"]
    by_itself = msgspec.to_builtins(asked(request, in_full=True))["allocation"]

    assert (in_list["method"], in_list["instruction"]) == ("like", "I1")
    assert in_list["quantities"] is None
    assert by_itself["quantities"] == [{"account": "P-1", "quantity": "5"}]


def test_an_exit_s_bounds_are_one_for_all_or_one_each() -> None:
    for_all = msgspec.to_builtins(asked(ExitRequest("TCS", each_max=whole(5)), in_full=True))
    each = ExitRequest("TCS", quantities=(("P-1", whole(5)), ("P-2", whole(5))))
    by_itself = msgspec.to_builtins(asked(each, in_full=True))

    assert (for_all["quantity"], for_all["quantities"]) == ("5", None)
    assert by_itself["quantity"] is None
    assert by_itself["quantities"] == [
        {"account": "P-1", "quantity": "5"},
        {"account": "P-2", "quantity": "5"},
    ]
    assert msgspec.to_builtins(asked(each, in_full=False))["quantities"] is None


def test_a_cancel_names_what_it_cancels() -> None:
    found = msgspec.to_builtins(asked(CancelRestRequest("I1"), in_full=True))

    nobody = {"level": None, "name": None, "exits": None}
    assert found == {"kind": "cancel", "instruction": "I1", **nobody}


def test_the_cancel_of_a_kill_names_whose_orders_it_cancels() -> None:
    scope = KillScope(KillLevel.CLIENT, "7")
    found = msgspec.to_builtins(asked(CancelOpenRequest(scope, exits=True), in_full=True))

    assert found == {
        "kind": "cancel",
        "instruction": None,
        "level": "client",
        "name": "7",
        "exits": True,
    }
