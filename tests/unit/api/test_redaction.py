"""What of an instruction is told to somebody who sees a part of the book only."""

from typing import Any

import msgspec
import pytest

from phalanx.api.asked import asked
from phalanx.api.history import InstructionAnswer
from phalanx.api.reach import Reach
from phalanx.api.redaction import redacted
from phalanx.domain.accounts import Mode
from phalanx.domain.allocation import Allocation, Method
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    ExitRequest,
    InstructionRequest,
    OrderRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side
from tests.engine_world import World

OF_ONE = Reach(frozenset({"A1"}), frozenset({1}))
WHOM = Selection(("A1", "A2"), (1, 2), ("core",), Mode.PAPER)
TERMS = (Side.BUY, Product.DELIVERY, OrdType.MARKET)


@pytest.fixture
def world() -> World:
    made = World()
    made.account(1)
    made.account(2)
    return made


def told(
    world: World, request: InstructionRequest, actor: str = "ann", reach: Reach = OF_ONE
) -> dict[str, Any]:
    """What ``actor`` is told of an instruction of Ann's."""
    fields: dict[str, Any] = dict.fromkeys(InstructionAnswer.__struct_fields__)
    fields |= {"actor": "ann", "note": "for A2", "message": "no account A9", "request_id": "A2-7"}
    whole = InstructionAnswer(**fields | {"asked": asked(request, in_full=True)})
    found: dict[str, Any] = msgspec.to_builtins(redacted(whole, reach, world.state, actor))
    return found


def asked_for(
    world: World, request: InstructionRequest, actor: str = "ann", reach: Reach = OF_ONE
) -> Any:  # noqa: ANN401  JSON
    return told(world, request, actor, reach)["asked"]


def test_remarks_are_their_makers(world: World) -> None:
    request = SignalRequest("RED", "INFY", Side.BUY)
    own, others = told(world, request), told(world, request, "bob")

    assert (own["note"], own["message"], own["request_id"]) == ("for A2", "no account A9", "A2-7")
    assert (others["note"], others["message"], others["request_id"]) == ("", None, "")


@pytest.mark.parametrize(
    "request_",
    [
        SignalRequest("RED", "INFY", Side.BUY, WHOM),
        PriorityBuyRequest("first", selection=WHOM),
        AllocatedRequest("INFY", *TERMS, Allocation(Method.MULTIPLIER, 10), selection=WHOM),
        ExitRequest("INFY", selection=WHOM),
    ],
    ids=lambda request: type(request).__name__,
)
@pytest.mark.parametrize("actor", ["ann", "bob"])
def test_nobody_else_is_named(world: World, request_: InstructionRequest, actor: str) -> None:
    found = asked_for(world, request_, actor)

    assert (found["accounts"], found["clients"], found["groups"]) == (["A1"], [1], [])
    assert found.get("list") is None


def test_rows_of_others_are_neither_shown_nor_counted(world: World) -> None:
    rows = (world.row(client=1), world.row(client=2), world.row(client=0, account="A1"))
    found = asked_for(world, BatchRequest(rows), "bob")

    assert [(row["client"], row["account_id"]) for row in found["rows"]] == [
        (1, None),
        (None, "A1"),
    ]
    assert found["rows_total"] == 2
    by_strategy = asked_for(world, BatchRequest(rows), "bob", Reach(strategies=frozenset({"RED"})))
    assert by_strategy["rows"] == []


def test_what_is_shared_out_is_its_makers(world: World) -> None:
    sizes = (("A1", whole(1)), ("A2", whole(2)))
    for method in (Method.EQUAL_CASH, Method.QUANTITIES):
        allocation = Allocation(method, whole(1_000), sizes, "IAA000000")
        request = AllocatedRequest("INFY", *TERMS, allocation)
        own = asked_for(world, request)["allocation"]
        others = asked_for(world, request, "bob")["allocation"]
        assert others["amount"] is None
        assert others["instruction"] is None
        for found in (own, others):
            assert found["quantities"] in (None, [{"account": "A1", "quantity": "1"}])
    assert (
        asked_for(world, AllocatedRequest("INFY", *TERMS, Allocation(Method.EQUAL_CASH, whole(7))))[
            "allocation"
        ]["amount"]
        == "7"
    )


def test_quantities_and_the_trade_of_an_exit(world: World) -> None:
    sizes = (("A1", whole(1)), ("A2", whole(2)))
    found = asked_for(world, ExitRequest(trade="CAA000000", quantities=sizes), "bob")

    assert found["trade"] is None
    assert found["quantities"] == [{"account": "A1", "quantity": "1"}]
    assert asked_for(world, ExitRequest(trade="CAA000000"))["trade"] == "CAA000000"


def test_an_order_that_is_out_of_reach_by_now_names_nobody(world: World) -> None:
    of_one = OrderRequest(1, "A1", "INFY", *TERMS, whole(1))
    of_two = OrderRequest(2, "", "INFY", *TERMS, whole(1))

    assert asked_for(world, of_one)["account_id"] == "A1"
    assert asked_for(world, of_two)["client"] is None
