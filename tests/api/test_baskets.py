"""A CSV basket is a batch: the same rows, the same way, the same answers."""

import httpx

from tests.api.conftest import Site
from tests.api.test_kinds import PATH, give

BASKETS = "/api/v1/baskets"
CSV = {"content-type": "text/csv"}
SHEET = (
    "client,account,instrument,side,product,type,quantity,price,stop_price,time_in_force\n"
    "1,,RELIANCE,BUY,,LIMIT,5,1360.5,,\n"
    ",PAPER-2,NSE:1594,BUY,DELIVERY,MARKET,3,,,IOC\n"
)
ROWS = [
    {
        "client": 1,
        "instrument": "RELIANCE",
        "side": "BUY",
        "quantity": 5,
        "type": "LIMIT",
        "price": "1360.5",
    },
    {
        "account_id": "PAPER-2",
        "instrument": "NSE:1594",
        "side": "BUY",
        "quantity": 3,
        "time_in_force": "IOC",
    },
]


async def send(site: Site, path: str, sheet: str, **headers: str) -> httpx.Response:
    return await site.http.post(path, content=sheet, headers={**CSV, **headers})


async def test_a_basket_is_a_batch(example: Site) -> None:
    answer = await send(example, f"{BASKETS}?note=monday&expires_s=60&mode=paper", SHEET)

    assert answer.status_code == 202, answer.text
    given = answer.json()
    assert (given["kind"], given["status"], given["counts"]["orders"]) == ("batch", "WORKING", 2)
    tree = await example.get(f"{PATH}/{given['instruction_id']}")
    by_hand = await give(example, {"kind": "batch", "rows": ROWS, "mode": "paper"})
    other = await example.get(f"{PATH}/{by_hand['instruction_id']}")
    assert tree["note"] == "monday"
    assert tree["asked"] == other["asked"]


async def test_a_key_makes_a_basket_one_instruction(example: Site) -> None:
    headers = {"idempotency-key": "k"}
    first = await send(example, BASKETS, SHEET, **headers)

    again = await send(example, BASKETS, SHEET, **headers)
    as_batch = await example.send("POST", PATH, {"kind": "batch", "rows": ROWS}, "k")
    other = await send(example, f"{BASKETS}?note=x", SHEET, **headers)

    assert again.text == as_batch.text == first.text
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_previewed_basket_is_fired(example: Site) -> None:
    before = example.system.desk.state.seq
    previewed = (await send(example, f"{BASKETS}/preview", SHEET)).json()
    assert example.system.desk.state.seq == before

    fired = await send(example, f"{BASKETS}?preview={previewed['token']}&on_moved=refuse", SHEET)

    assert fired.status_code == 202, fired.text
    assert previewed["counts"] == fired.json()["counts"]
    assert {one["price"] for one in previewed["outcomes"]} == {
        one["price"] for one in fired.json()["outcomes"]
    }


async def test_a_fault_is_named_with_its_line_and_nothing_is_done(example: Site) -> None:
    before = example.system.desk.state.seq

    for path in (BASKETS, f"{BASKETS}/preview"):
        answer = await send(example, path, SHEET + "1,,TCS,HOLD,,,1,,,\n")
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "BAD_TEXT")
        assert (problem["line"], problem["field"]) == (4, "side")
    assert example.system.desk.state.seq == before


async def test_too_many_rows_are_refused_by_the_engine(example: Site) -> None:
    before = example.system.desk.state.seq
    sheet = "account,instrument,side,quantity\n" + "PAPER-1,RELIANCE,BUY,1\n" * 100_000

    answer = await send(example, BASKETS, sheet)

    assert (answer.status_code, answer.json()["code"]) == (422, "PLAN_TOO_LARGE")
    assert example.system.desk.state.seq == before


async def test_a_cell_that_looks_like_a_formula_is_a_name(example: Site) -> None:
    sheet = "account,instrument,side,quantity\nPAPER-1,=HYPERLINK(1),BUY,1\n"

    answer = await send(example, BASKETS, sheet)

    given = answer.json()
    assert (answer.status_code, given["status"]) == (202, "REJECTED")
    assert given["reason"] == "UNKNOWN_INSTRUMENT"
