import msgspec

from phalanx.api.outcomes import create_order_answer, instruction_answer
from phalanx.domain.accounts import Account, Client, Mode
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import (
    CancelDraft,
    Door,
    InstructionRequest,
    OrderRequest,
    Origin,
    SignalRequest,
    Skip,
)
from phalanx.domain.instruments import InstrumentFacts, QuoteSource
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrderDraft, OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.state import Book, State

BUY = SignalRequest("B", "MINDA", Side.BUY)
FACTS = InstrumentFacts(
    "NSE:14154", "UNOMINDA", "", whole(1), 5, 1, whole(9), whole(3), QuoteSource.CLOSE
)


def state() -> State:
    found = State()
    for number, called in enumerate(("Ann", "Ben", "Cid"), 1):
        found.clients[number] = Client(number, called)
        found.accounts[f"A/{number}"] = Account(f"A/{number}", number)
        found.books[f"A/{number}/P"] = Book(f"A/{number}/P", f"A/{number}", Mode.PAPER)
    return found


def draft(number: int, cl_ord_id: str) -> OrderDraft:
    return OrderDraft(
        cl_ord_id,
        f"A/{number}/P",
        "NSE:14154",
        Side.BUY,
        Product.DELIVERY,
        OrdType.MARKET,
        TimeInForce.DAY,
        whole(2),
        whole(3),
        whole(6),
    )


def planned(
    request: InstructionRequest = BUY,
    *,
    orders: tuple[OrderDraft, ...] = (),
    cancels: tuple[CancelDraft, ...] = (),
    skips: tuple[Skip, ...] = (),
    refusal: Reason | None = None,
    instruments: tuple[InstrumentFacts, ...] = (FACTS,),
) -> InstructionPlanned:
    origin = Origin("local", Door.CREATE_ORDER)
    return InstructionPlanned(
        1, "I1", origin, request, 2, instruments, orders, cancels, skips, refusal
    )


def test_one_outcome_for_each_account() -> None:
    no_lot = Reason(ReasonCode.NO_OPEN_LOT, ("UNOMINDA",))
    event = planned(
        orders=(draft(1, "O1"), draft(1, "O2")),
        cancels=(CancelDraft("R1", "O8", "A/1/P"), CancelDraft("R2", "O9", "A/2/P")),
        skips=(Skip("A/3", no_lot), Skip("A/1", no_lot)),
    )

    answer = create_order_answer(event, state())

    assert msgspec.to_builtins(answer) == {
        "RESPONSE": "ACCEPTED",
        "reason": None,
        "message": None,
        "instruction_id": "I1",
        "outcomes": [
            outcome("Ann", 1, "ACCEPTED", order_id="O1"),
            outcome("Ben", 2, "ACCEPTED", order_id="O9"),
            outcome("Cid", 3, "REJECTED", "NO_OPEN_LOT", "no open buy of UNOMINDA to sell"),
        ],
    }


def outcome(
    client: str,
    client_id: int,
    status: str,
    reason: str | None = None,
    message: str | None = None,
    order_id: str | None = None,
) -> dict[str, object]:
    return {
        "client": client,
        "client_id": client_id,
        "account": f"A/{client_id}",
        "status": status,
        "reason": reason,
        "message": message,
        "order_id": order_id,
    }


def test_a_refused_signal_says_why() -> None:
    refusal = Reason(ReasonCode.UNKNOWN_STRATEGY, ("B",))

    answer = create_order_answer(planned(refusal=refusal, instruments=()), state())

    assert (answer.response, answer.reason, answer.outcomes) == ("REJECTED", "UNKNOWN_STRATEGY", [])
    assert answer.message == "no strategy is named B"


def test_an_instruction_s_answer_repeats_the_caller_s_name() -> None:
    answer = instruction_answer(planned(orders=(draft(1, "O1"),)), state())

    assert (answer.kind, answer.status, answer.instrument) == ("signal", "WORKING", "MINDA")
    assert (answer.symbol, answer.exchange, answer.token_id) == ("UNOMINDA", "NSE", "14154")
    (first,) = answer.outcomes
    assert (first.quantity, first.price, first.side) == ("2", "3", "BUY")
    assert (first.product, first.type) == ("DELIVERY", "MARKET")


def test_an_unknown_instrument_has_no_symbol() -> None:
    request = OrderRequest(1, "", "NOPE", Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(1))
    refusal = Reason(ReasonCode.UNKNOWN_INSTRUMENT, ("NOPE",))

    answer = instruction_answer(planned(request, refusal=refusal, instruments=()), state())

    assert (answer.kind, answer.status, answer.reason) == (
        "order",
        "REJECTED",
        "UNKNOWN_INSTRUMENT",
    )
    assert (answer.symbol, answer.exchange, answer.token_id) == (None, None, None)


def test_a_cancelled_buy_has_no_terms() -> None:
    event = planned(cancels=(CancelDraft("R2", "O9", "A/2/P"),))

    (only,) = instruction_answer(event, state()).outcomes

    assert (only.status, only.order_id, only.quantity, only.price) == ("ACCEPTED", "O9", None, None)
