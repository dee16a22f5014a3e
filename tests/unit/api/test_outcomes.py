import msgspec
from msgspec.structs import replace

from phalanx.api.outcomes import (
    OUTCOMES_MAX,
    create_order_answer,
    instruction_answer,
    preview_answer,
)
from phalanx.domain.accounts import Account, Client, Mode
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import (
    BatchRequest,
    CancelDraft,
    Door,
    ExitRequest,
    FollowUp,
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


ROWS = BatchRequest(())


def test_other_kinds_have_an_outcome_for_each_order_cancel_and_skip() -> None:
    held = Reason(ReasonCode.NO_OPEN_LOT, ("UNOMINDA",))
    nobody = Reason(ReasonCode.UNKNOWN_ACCOUNT, ("A/9",))
    rows = (replace(draft(1, "O1"), row=2), replace(draft(1, "O2"), row=3, stop_price=whole(1)))
    event = planned(
        ROWS,
        orders=rows,
        cancels=(CancelDraft("R1", "O8", "A/2/P"),),
        skips=(Skip("A/1", held, "NSE:14154", 4), Skip("A/9", nobody, "NSE:77", 5)),
    )

    answer = instruction_answer(event, state())

    assert (answer.kind, answer.instrument, answer.symbol) == ("batch", None, None)
    assert msgspec.to_builtins(answer.counts) == {"orders": 2, "cancels": 1, "skips": 2}
    assert answer.outcomes_total == 5
    assert [
        (one.client, one.client_id, one.status, one.order_id, one.instrument, one.symbol, one.row)
        for one in answer.outcomes
    ] == [
        ("Ann", 1, "ACCEPTED", "O1", "UNOMINDA", "UNOMINDA", 2),
        ("Ann", 1, "ACCEPTED", "O2", "UNOMINDA", "UNOMINDA", 3),
        ("Ben", 2, "ACCEPTED", "O8", None, None, None),
        ("Ann", 1, "REJECTED", None, "UNOMINDA", "UNOMINDA", 4),
        ("", None, "REJECTED", None, "NSE:77", None, 5),
    ]
    assert [one.stop_price for one in answer.outcomes] == [None, "1", None, None, None]
    assert {(one.charges, one.cash_after) for one in answer.outcomes} == {(None, None)}


def test_the_caller_s_name_of_one_of_many_is_repeated() -> None:
    called = replace(FACTS, called="MINDA")
    event = planned(ROWS, orders=(draft(1, "O1"),), instruments=(called,))

    (only,) = instruction_answer(event, state()).outcomes

    assert (only.instrument, only.symbol) == ("MINDA", "UNOMINDA")


def test_no_more_outcomes_are_listed_than_fit() -> None:
    many = tuple(draft(1, f"O{number}") for number in range(OUTCOMES_MAX + 1))

    answer = instruction_answer(planned(ROWS, orders=many), state())

    assert (len(answer.outcomes), answer.outcomes_total) == (OUTCOMES_MAX, OUTCOMES_MAX + 1)
    assert answer.counts.orders == OUTCOMES_MAX + 1


def test_an_exit_of_a_trade_says_of_what() -> None:
    event = planned(ExitRequest(trade="O1"), orders=(draft(1, "O2"),))

    answer = instruction_answer(event, state())

    assert (answer.instrument, answer.symbol, answer.token_id) == (None, "UNOMINDA", "14154")


def test_a_follow_up_names_its_parent() -> None:
    event = replace(planned(), parent="I0", follow_up=FollowUp.RETRY)

    answer = instruction_answer(event, state())

    assert (answer.parent, answer.follow_up, answer.fire_at) == ("I0", "retry", None)


def test_a_held_instruction_has_no_outcomes_yet() -> None:
    origin = Origin("local", Door.INSTRUCTIONS)
    event = InstructionHeld(1, "I1", origin, BUY, 90_000_000_000, 99, "", "I0", FollowUp.REPEAT)

    answer = msgspec.to_builtins(instruction_answer(event, state()))

    assert answer == {
        "instruction_id": "I1",
        "kind": "signal",
        "status": "HELD",
        "reason": None,
        "message": None,
        "instrument": "MINDA",
        "symbol": None,
        "exchange": None,
        "token_id": None,
        "fire_at": "1970-01-01T05:31:30.000000+05:30",
        "parent": "I0",
        "follow_up": "repeat",
        "counts": {"orders": 0, "cancels": 0, "skips": 0},
        "outcomes": [],
        "outcomes_total": 0,
        "waits_for": "time",
        "approve_by": None,
        "undo_until": None,
    }


def test_a_preview_has_charges_and_cash_and_no_ids_of_its_own() -> None:
    of_clients = state()
    of_clients.accounts["A/1"] = Account("A/1", 1, charge_bps=10)
    no_lot = Reason(ReasonCode.NO_OPEN_LOT, ("UNOMINDA",))
    event = planned(
        ROWS,
        orders=(draft(1, "O1"),),
        cancels=(CancelDraft("R1", "O8", "A/2/P"),),
        skips=(Skip("A/3", no_lot),),
    )

    answer = preview_answer(
        event, of_clients, "token", 1_000_000_000, {"A/1": whole(94), "A/3": whole(7)}
    )

    assert (answer.instruction_id, answer.token) == (None, "token")
    assert answer.expires_at == "1970-01-01T05:30:01.000000+05:30"
    assert [(one.order_id, one.charges, one.cash_after) for one in answer.outcomes] == [
        (None, "0.006", "94"),
        ("O8", None, None),
        (None, None, "7"),
    ]


def test_the_slices_of_an_order_are_one_outcome_with_their_sums() -> None:
    of_clients = state()
    of_clients.accounts["A/1"] = Account("A/1", 1, charge_bps=10)
    request = OrderRequest(1, "", "MINDA", Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(5))
    slices = (draft(1, "O1"), draft(1, "O2"), replace(draft(1, "O3"), quantity=whole(1)))
    event = planned(request, orders=slices)

    (given,) = instruction_answer(event, of_clients).outcomes
    (previewed,) = preview_answer(event, of_clients, "token", 1, {"A/1": whole(85)}).outcomes

    assert (given.order_id, given.quantity, given.price) == ("O1", "5", "3")
    assert (previewed.quantity, previewed.charges, previewed.cash_after) == ("5", "0.015", "85")


def test_a_preview_has_every_account_and_the_totals_however_few_outcomes_are_listed() -> None:
    of_clients = state()
    of_clients.accounts["A/2"] = Account("A/2", 2, charge_bps=10)
    no_lot = Reason(ReasonCode.NO_OPEN_LOT, ("UNOMINDA",))
    nobody = Reason(ReasonCode.UNKNOWN_ACCOUNT, ("A/9",))
    many = tuple(draft(1, f"O{number}") for number in range(OUTCOMES_MAX))
    event = planned(
        ROWS,
        orders=(*many, draft(2, "P1")),
        cancels=(CancelDraft("R1", "O8", "A/2/P"),),
        skips=(Skip("A/9", nobody), Skip("A/3", no_lot), Skip("A/3", no_lot)),
    )
    after = {"A/1": whole(1), "A/2": whole(2), "A/3": whole(3)}

    answer = preview_answer(event, of_clients, "token", 1, after)

    assert {one.account for one in answer.outcomes} == {"A/1"}
    assert [tuple(msgspec.to_builtins(one).values()) for one in answer.accounts] == [
        ("Ann", 1, "A/1", 2_000, 0, 0, "12000", "0", "1"),
        ("Ben", 2, "A/2", 1, 1, 0, "6", "0.006", "2"),
        ("", None, "A/9", 0, 0, 1, "0", "0", None),
        ("Cid", 3, "A/3", 0, 0, 2, "0", "0", "3"),
    ]
    assert msgspec.to_builtins(answer.totals) == {
        "accounts": 4,
        "orders": 2_001,
        "cancels": 1,
        "skips": 3,
        "value": "12006",
        "charges": "0.006",
        "reasons": [
            {"reason": "NO_OPEN_LOT", "message": "no open buy of UNOMINDA to sell", "skips": 2},
            {"reason": "UNKNOWN_ACCOUNT", "message": "no account A/9", "skips": 1},
        ],
    }
