"""POST /orders/place and /orders/execute-all: what the platform's clients send and are told."""

from typing import Any

import pytest

from phalanx.api.platform import fates
from phalanx.desk.settled import Settled
from phalanx.domain.accounts import Account, Client
from phalanx.domain.events import InstructionPlanned, decode_events
from phalanx.domain.instructions import BatchRequest, Door, ExitRequest, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus
from phalanx.domain.time import MILLISECOND
from phalanx.engine.commands import PutReference
from phalanx.journal.sqlite.reader import SqliteJournalReader
from tests.api.conftest import Site

PLACE = "/api/v1/orders/place"
ALL = "/api/v1/orders/execute-all"
TERMS = {
    "token_id": "2885",
    "execution_type": "BUY",
    "order_type": "MARKET",
    "trade_type": "DELIVERY",
}
BUY = {**TERMS, "client_id": 1, "quantity": 10}
EXIT = {**BUY, "execution_type": "EXIT"}


async def sent(site: Site, path: str, body: object, key: str | None = None) -> Any:  # noqa: ANN401
    answer = await site.send("POST", path, body, key)
    assert answer.status_code == 200, answer.text
    return answer.json()


def orders_of(*entries: tuple[int, object]) -> list[dict[str, object]]:
    return [{"client_id": client, "quantity": quantity} for client, quantity in entries]


async def holding(site: Site, client: int) -> dict[str, float]:
    found = await site.get(f"/api/v1/clients/{client}/portfolio")
    return {position["trade_type"]: position["quantity"] for position in found["positions"]}


async def planned(site: Site) -> list[InstructionPlanned]:
    """Every instruction in the journal."""
    desk = site.system.desk
    await desk.durable(desk.state.seq)
    reader = SqliteJournalReader(site.system.settings.data)
    try:
        events = [event for record in reader.records() for event in decode_events(record.body)]
    finally:
        reader.close()
    return [event for event in events if isinstance(event, InstructionPlanned)]


async def second_account(site: Site, client: int = 1) -> str:
    account = Account(f"SECOND-{client}", client, primary=False)
    cash = ((account.book, whole(1_000_000), ""),)
    origin = Origin("local", Door.DESK)
    await site.system.desk.execute(PutReference(origin, accounts=(account,), cash=cash))
    await site.system.desk.reconciler.reconcile([account.id])
    return account.id


# --- one client -------------------------------------------------------------------------------------


async def test_a_buy_and_an_exit(example: Site) -> None:
    bought = await sent(example, PLACE, BUY)
    left = await sent(example, PLACE, {**EXIT, "quantity": "4"})

    assert list(bought) == ["status", "message", "order_id", "client_id"]
    assert (bought["status"], bought["message"], bought["client_id"]) == ("SUCCESS", "filled", 1)
    assert left["status"] == "SUCCESS"
    assert left["order_id"] != bought["order_id"]
    assert await holding(example, 1) == {"DELIVERY": 6}


@pytest.mark.parametrize("token", ["2885", 2885, "NSE:2885", "RELIANCE"], ids=repr)
async def test_a_token_is_named_in_any_way(example: Site, token: object) -> None:
    assert (await sent(example, PLACE, {**BUY, "token_id": token}))["status"] == "SUCCESS"


@pytest.mark.parametrize("trade_type", ["MTF", "INTRADAY", "DELIVERY"])
async def test_an_exit_is_of_one_trade_type(example: Site, trade_type: str) -> None:
    await sent(example, PLACE, {**BUY, "trade_type": trade_type})
    other = "MTF" if trade_type != "MTF" else "DELIVERY"

    nothing = await sent(example, PLACE, {**EXIT, "trade_type": other})
    gone = await sent(example, PLACE, {**EXIT, "trade_type": trade_type, "quantity": 99})

    assert (nothing["status"], nothing["order_id"]) == ("SKIPPED", None)
    assert "nothing of RELIANCE" in nothing["message"]
    assert gone["status"] == "SUCCESS"
    assert await holding(example, 1) == {}


async def test_a_sell_of_what_is_not_held_is_rejected_with_its_reason(example: Site) -> None:
    answer = await sent(example, PLACE, {**BUY, "execution_type": "SELL"})

    assert answer == {
        "status": "REJECTED",
        "message": "10 asked, 0 sellable",
        "order_id": None,
        "client_id": 1,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"client_id": 99}, "no client 99"),
        ({"client_id": 99, "execution_type": "EXIT"}, "no client 99"),
        ({"token_id": "NOBODY"}, "no instrument is named NOBODY"),
        ({"token_id": "NOBODY", "execution_type": "EXIT"}, "no instrument is named NOBODY"),
        ({"account_id": "PAPER-9"}, "no account PAPER-9"),
        ({"account_id": "PAPER-2"}, "account PAPER-2 is not client 1's"),
        ({"account_id": "PAPER-2", "execution_type": "EXIT"}, "account PAPER-2 is not client 1's"),
        ({"account_id": "PAPER-9", "execution_type": "EXIT"}, "no account PAPER-9"),
    ],
)
async def test_what_cannot_be_is_rejected_with_200(
    example: Site, change: dict[str, object], message: str
) -> None:
    answer = await sent(example, PLACE, BUY | change)

    assert (answer["status"], answer["message"]) == ("REJECTED", message)


@pytest.mark.parametrize("kind", ["BUY", "SELL", "EXIT"])
async def test_a_quantity_of_zero_is_skipped(example: Site, kind: str) -> None:
    seq = example.system.desk.state.seq

    answer = await sent(example, PLACE, {**BUY, "execution_type": kind, "quantity": 0})

    assert (answer["status"], answer["message"]) == ("SKIPPED", "the quantity is 0")
    assert example.system.desk.state.seq == seq


async def test_a_limit_that_does_not_fill_is_a_success(example: Site) -> None:
    order = {**BUY, "order_type": "LIMIT", "price": 1300, "tag": "by phone"}
    answer = await sent(example, PLACE, order)

    assert (answer["status"], answer["message"]) == ("SUCCESS", "accepted")
    found = await example.get("/api/v1/trades", client_id=1)
    assert [(one["id"], one["status"]) for one in found] == [(answer["order_id"], "PENDING")]
    (given,) = await planned(example)
    assert given.note == "by phone"
    assert given.origin.door is Door.PLATFORM


async def test_an_exit_waits_until_the_buy_that_it_calls_back_is_canceled(example: Site) -> None:
    await example.send("PATCH", "/api/v1/accounts/PAPER-1", {"fill_profile": {"ack_delay_ms": 50}})
    buy = await sent(example, PLACE, {**BUY, "order_type": "LIMIT", "price": 1300})

    left = await sent(example, PLACE, EXIT)

    assert left["order_id"] == buy["order_id"]
    assert (left["status"], left["message"]) == ("SUCCESS", "the working buy is canceled")


@pytest.mark.parametrize("price", [None, 0, "0"], ids=repr)
async def test_no_price_may_be_said_in_words_of_the_platform(example: Site, price: object) -> None:
    assert (await sent(example, PLACE, {**BUY, "price": price}))["status"] == "SUCCESS"


async def test_a_broker_that_takes_its_time_is_pending_then_a_success(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fates, "WITHIN_NS", 5 * MILLISECOND)
    await example.send("PATCH", "/api/v1/accounts/PAPER-1", {"fill_profile": {"ack_delay_ms": 200}})
    first = await sent(example, PLACE, BUY, "k1")
    assert (first["status"], first["message"]) == ("PENDING", "the broker has not answered yet")

    monkeypatch.setattr(fates, "WITHIN_NS", fates.WITHIN_NS * 2_000)
    seq = example.system.desk.state.seq
    again = await example.send("POST", PLACE, BUY, "k1")

    assert again.headers["idempotent-replayed"] == "true"
    assert (again.json()["status"], again.json()["order_id"]) == ("SUCCESS", first["order_id"])
    assert len(await planned(example)) == 1
    assert example.system.desk.state.seq > seq, "what the broker said, and nothing else"


async def test_another_body_under_the_same_key_is_refused(example: Site) -> None:
    await sent(example, PLACE, BUY, "k1")

    answer = await example.send("POST", PLACE, {**BUY, "quantity": 11}, "k1")

    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_broker_s_no_is_told(example: Site) -> None:
    await example.send(
        "PATCH", "/api/v1/accounts/PAPER-1", {"fill_profile": {"reject_bps": 10_000}}
    )

    answer = await sent(example, PLACE, BUY)

    assert answer["status"] == "REJECTED"
    assert answer["message"].startswith("the broker refused")
    assert answer["order_id"] is not None


async def test_an_upper_bound_is_the_client_s_not_the_account_s(example: Site) -> None:
    second = await second_account(example)
    await sent(example, PLACE, BUY)
    await sent(example, PLACE, {**BUY, "account_id": second})

    await sent(example, PLACE, {**EXIT, "quantity": 15})

    request = (await planned(example))[-1].request
    assert isinstance(request, ExitRequest)
    assert request.quantities == (("PAPER-1", whole(10)), (second, whole(5)))
    assert await holding(example, 1) == {"DELIVERY": 5}


async def test_an_exit_may_name_its_account(example: Site) -> None:
    second = await second_account(example)
    await sent(example, PLACE, BUY)
    await sent(example, PLACE, {**BUY, "account_id": second, "quantity": 3})

    await sent(example, PLACE, {**EXIT, "account_id": second, "quantity": 99})

    held = example.system.desk.state.books
    assert [len(held[f"{account}/P"].positions) for account in ("PAPER-1", second)] == [1, 0]


# --- many clients -----------------------------------------------------------------------------------


async def test_entries_are_answered_in_their_order(example: Site) -> None:
    entries = orders_of((2, 5), (99, 5), (1, "0"), (1, "7"))

    answer = await sent(example, ALL, {**TERMS, "client_orders": entries})

    assert answer["total_orders"] == 2
    results = answer["results"]
    assert list(results[0]) == ["client_id", "client_name", "status", "order_id", "message"]
    assert [(one["client_id"], one["client_name"], one["status"]) for one in results] == [
        (2, "Oaklee Wagner", "SUCCESS"),
        (99, None, "REJECTED"),
        (1, "Holland Proctor", "SKIPPED"),
        (1, "Holland Proctor", "SUCCESS"),
    ]
    assert results[1]["message"] == "no client 99"
    (given,) = await planned(example)
    assert isinstance(given.request, BatchRequest)
    assert [(row.client, row.quantity) for row in given.request.rows] == [
        (2, whole(5)),
        (1, whole(7)),
    ]


async def test_one_refused_entry_does_not_stop_the_others(example: Site) -> None:
    entries = orders_of((1, 5), (2, 1_000_000))

    answer = await sent(example, ALL, {**TERMS, "client_orders": entries})

    good, bad = answer["results"]
    assert (good["status"], bad["status"], bad["order_id"]) == ("SUCCESS", "REJECTED", None)
    assert bad["message"]


async def test_all_leave_with_one_instruction(example: Site) -> None:
    await sent(example, ALL, {**TERMS, "client_orders": orders_of((1, 5), (2, 9))})

    terms = {**TERMS, "execution_type": "EXIT"}
    entries = orders_of((2, 4), (7, 1), (1, 100))
    answer = await sent(example, ALL, {**terms, "client_orders": entries})
    again = await sent(example, ALL, {**terms, "client_orders": orders_of((1, 5))})

    assert [one["status"] for one in answer["results"]] == ["SUCCESS", "REJECTED", "SUCCESS"]
    assert [one["status"] for one in again["results"]] == ["SKIPPED"]
    given = (await planned(example))[1]
    assert isinstance(given.request, ExitRequest)
    assert dict(given.request.quantities) == {"PAPER-2": whole(4), "PAPER-1": whole(100)}
    assert await holding(example, 1) == {}
    assert await holding(example, 2) == {"DELIVERY": 5}


async def test_nobody_to_trade_for_is_no_instruction(example: Site) -> None:
    seq = example.system.desk.state.seq
    entries = orders_of((1, 0), (99, 5))

    answer = await sent(example, ALL, {**TERMS, "client_orders": entries})

    assert answer["total_orders"] == 0
    assert [one["status"] for one in answer["results"]] == ["SKIPPED", "REJECTED"]
    assert example.system.desk.state.seq == seq
    assert await sent(example, ALL, {**TERMS, "client_orders": []}) == {
        "total_orders": 0,
        "results": [],
    }


@pytest.mark.parametrize("kind", ["BUY", "EXIT"])
async def test_a_repeat_fires_nothing_and_says_how_it_stands(example: Site, kind: str) -> None:
    if kind == "EXIT":
        await sent(example, ALL, {**TERMS, "client_orders": orders_of((1, 5), (2, 9))})
    entries = orders_of((2, 4), (99, 1), (1, 5))
    body = {**TERMS, "execution_type": kind, "client_orders": entries}
    first = await sent(example, ALL, body, "k1")
    count = len(await planned(example))
    # Client 99 is unknown no more; what was asked before is what is answered.
    people = (Client(99, "Late"),)
    late = Account("PAPER-99", 99)
    origin = Origin("local", Door.DESK)
    await example.system.desk.execute(PutReference(origin, clients=people, accounts=(late,)))

    again = await example.send("POST", ALL, body, "k1")

    assert again.json()["total_orders"] == first["total_orders"]
    for one, before in zip(again.json()["results"], first["results"], strict=True):
        assert one | {"client_name": None} == before | {"client_name": None}
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await planned(example)) == count


def test_slices_of_one_order_are_one_answer() -> None:
    found = {
        "A": Settled(OrdStatus.FILLED, "", "B1", 10),
        "B": Settled(OrdStatus.REJECTED, "BROKER_REJECTED", "", 0, "the broker refused: no"),
        "C": Settled(OrdStatus.SENT, "", "", 0),
        "D": Settled(OrdStatus.IN_DOUBT, "", "", 0, "time-out"),
    }

    def together(*ids: str) -> tuple[str, str | None]:
        fate = fates.fate_of_orders(ids, found)
        return fate.status, fate.order_id

    assert together("A", "B") == ("SUCCESS", "A")
    assert together("A", "B", "C") == ("PENDING", "C")
    assert together("A", "B", "C", "D") == ("UNKNOWN", "D")
    assert together("B") == ("REJECTED", "B")
    assert fates.fate_of_orders(("A", "B"), found).message == (
        "filled; 1 of 2 orders: the broker refused: no"
    )


@pytest.mark.parametrize(
    ("status", "broker", "filled", "expected"),
    [
        ("CANCELED", "B1", 0, ("SUCCESS", "accepted, then canceled with 0 filled")),
        ("CANCELED", "", 0, ("REJECTED", "canceled")),
        ("EXPIRED", "", 0, ("REJECTED", "expired")),
        ("NOT_RECEIVED", "", 0, ("REJECTED", "not_received")),
        ("PARTIALLY_FILLED", "B1", 3, ("SUCCESS", "accepted, 3 filled so far")),
        ("NEW", "B1", 0, ("SUCCESS", "accepted")),
        ("PENDING_NEW", "", 0, ("PENDING", "the broker has not answered yet")),
        ("IN_DOUBT", "", 0, ("UNKNOWN", "sent, and no trustworthy answer came")),
    ],
)
def test_a_status_in_the_platform_s_words(
    status: str, broker: str, filled: int, expected: tuple[str, str]
) -> None:
    settled = Settled(OrdStatus[status], "", broker, whole(filled))

    fate = fates.fate_of_orders(("A",), {"A": settled})

    assert (fate.status, fate.message) == expected


EARLY = [
    (PLACE, {**EXIT, "client_id": 2, "account_id": "PAPER-1"}),
    (ALL, {**TERMS, "client_orders": orders_of((99, 1))}),
    ("/api/v1/trades/exit-by-token/2885", [99]),
]


@pytest.mark.parametrize(("path", "body"), EARLY, ids=["place", "execute-all", "exit-by-token"])
async def test_an_answer_without_an_instruction_waits_for_what_it_was_made_from(
    example: Site, monkeypatch: pytest.MonkeyPatch, path: str, body: object
) -> None:
    desk = example.system.desk
    durable = desk.durable
    waited: list[int] = []

    async def noted(seq: int) -> None:
        waited.append(seq)
        await durable(seq)

    monkeypatch.setattr(desk, "durable", noted)
    await sent(example, path, body)

    assert waited == [desk.state.seq]
