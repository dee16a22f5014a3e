"""Lists as CSV files: the same rows as JSON, safe to open in a spreadsheet."""

import csv
import re
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest

from phalanx.api.catalogue import DOORS
from phalanx.market.cells import restored
from tests.api.conftest import Site

CSV = {"content-type": "text/csv"}


async def table(site: Site, path: str, **query: Any) -> list[dict[str, str]]:  # noqa: ANN401
    """The rows of an export, cells as they stand there."""
    answer = await site.http.get(path, params={**query, "format": "csv"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.endswith("\r\n")
    return list(csv.DictReader(StringIO(answer.text, newline="")))


def as_texts(item: dict[str, Any]) -> dict[str, str]:
    """A JSON item as the cells of a row: what is nothing is empty, a flag is a word."""
    words = {None: "", True: "true", False: "false"}
    return {
        field: words[value] if value is None or isinstance(value, bool) else str(value)
        for field, value in item.items()
    }


@pytest.fixture
async def busy(example: Site) -> Site:
    """A desk with a filled buy, a sold one, groups, limits and a list."""
    await example.signal("STRATEGY_B", "MINDA", "BUY")
    await example.signal("STRATEGY_A", "GRASIM", "BUY")

    async def filled() -> bool:
        orders = await example.get("/api/v1/orders", status="FILLED")
        return bool(orders["total"] == 2)

    await example.until(filled)
    await example.send(
        "PUT", "/api/v1/groups/core", {"members": ["PAPER-1", {"client": 2, "multiplier": "1.5"}]}
    )
    await example.send(
        "PUT", "/api/v1/priority-lists/my%20list", {"instruments": ["EICHER", "ACC"]}
    )
    limits = [{"level": "client", "name": 1, "value_max": "5.5", "restricted": ["ACC", "INFY"]}]
    await example.send("PUT", "/api/v1/limits", limits)
    return example


@pytest.mark.parametrize(
    "path",
    ["/api/v1/open-buys", "/api/v1/positions", "/api/v1/orders", "/api/v1/order-log"],
)
async def test_a_list_has_the_same_rows_as_its_json(busy: Site, path: str) -> None:
    found = await busy.get(path)
    items = found if isinstance(found, list) else found["items"]
    for item in items:
        item.pop("hops", None)

    rows = await table(busy, path)

    assert rows == [as_texts(item) for item in items]
    assert len(rows) >= 2
    if rows:
        assert list(rows[0]) == list(items[0])


async def test_clients_have_the_same_rows_as_their_json(busy: Site) -> None:
    rows = await table(busy, "/api/v1/clients")

    assert [(row["id"], row["name"], row["is_active"]) for row in rows] == [
        ("1", "Holland Proctor", "true"),
        ("2", "Oaklee Wagner", "true"),
    ]
    assert (rows[1]["available_funds"], rows[1]["motilal_client_id"]) == ("1000000", "")


async def test_a_group_has_a_row_for_each_member(busy: Site) -> None:
    assert await table(busy, "/api/v1/groups") == [
        {
            "group": "core",
            "account": "PAPER-1",
            "client": "Holland Proctor",
            "client_id": "1",
            "multiplier": "1",
        },
        {
            "group": "core",
            "account": "PAPER-2",
            "client": "Oaklee Wagner",
            "client_id": "2",
            "multiplier": "1.5",
        },
    ]


async def test_limits_have_the_columns_that_an_import_takes(busy: Site) -> None:
    (row,) = await table(busy, "/api/v1/limits")

    assert list(row) == [
        *("level", "name", "quantity_max", "value_max", "position_max", "orders_per_day_max"),
        "restricted",
    ]
    assert (row["level"], row["name"], row["value_max"]) == ("client", "1", "5.5")
    assert (row["quantity_max"], row["restricted"]) == ("", "ACC INFY")


async def test_a_priority_list_comes_back_as_it_went(busy: Site) -> None:
    path = "/api/v1/priority-lists/my%20list"
    before = await busy.get(path)
    exported = await busy.http.get(path, params={"format": "csv"})
    other = "/api/v1/priority-lists/other"

    answer = await busy.http.put(other, content=exported.content, headers=CSV)

    assert exported.text.startswith("instrument,symbol,exchange,token_id,rank\r\nEICHER,EICHERMOT,")
    assert answer.json()["instruments"] == before["instruments"]


@pytest.mark.parametrize(
    ("path", "name", "total"),
    [
        ("/api/v1/open-buys", "open-buys.csv", "2"),
        ("/api/v1/positions", "positions.csv", "2"),
        ("/api/v1/orders", "orders.csv", "2"),
        ("/api/v1/clients", "clients.csv", "2"),
        ("/api/v1/groups", "groups.csv", "1"),
        ("/api/v1/limits", "limits.csv", "1"),
        ("/api/v1/priority-lists/my%20list", "priority-list-my_list.csv", "2"),
    ],
)
async def test_a_file_has_a_name_and_says_how_much_there_is(
    busy: Site, path: str, name: str, total: str
) -> None:
    answer = await busy.http.get(path, params={"format": "csv"})

    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["x-total-count"] == total


async def test_pages_and_filters_hold_for_files_too(busy: Site) -> None:
    first = await table(busy, "/api/v1/orders", limit=1)
    second = await table(busy, "/api/v1/orders", limit=1, skip=1)
    grasim = await table(busy, "/api/v1/open-buys", instrument="GRASIM")
    nobody = await table(busy, "/api/v1/positions", account="PAPER-2")

    assert {row["symbol"] for row in (*first, *second)} == {"UNOMINDA", "GRASIM"}
    assert [row["instrument"] for row in grasim] == ["GRASIM"]
    assert nobody == []


async def test_instants_are_written_as_in_json(busy: Site) -> None:
    (row,) = await table(busy, "/api/v1/orders", limit=1)

    assert row["time"].endswith("+05:30")
    assert row["time"] == (await busy.get("/api/v1/orders", limit=1))["items"][0]["time"]


@pytest.mark.parametrize("called", ["=1+1", "+Ann", "-Ann", "@SUM(A1)", "'=Ann", 'A "x", Bo'])
async def test_no_cell_is_a_formula(site: Site, called: str) -> None:
    await site.send("POST", "/api/v1/clients", {"name": called})

    (row,) = await table(site, "/api/v1/clients")

    assert row["name"][0] not in "=+-@"
    assert restored(row["name"]) == called


async def test_a_format_that_is_none(site: Site) -> None:
    answer = await site.http.get("/api/v1/orders", params={"format": "xlsx"})

    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_VALUE")
    assert answer.json()["detail"] == "'xlsx' is not one of csv, json"


PAYLOADS = (
    "=1+1",
    "=cmd|'calc'!A0",
    '=HYPERLINK("mailto:x?"&A1,"ok")',
    "+1+1",
    "+cmd|x",
    "-1+1",
    "-2+3+cmd|'calc'!A0",
    "@SUM(1+1)*cmd|'calc'!A0",
    '"=1+1"',
    "'=1+1",
    "''@x",
    "a,=1+1",
    'a";=1+1;"',
    "=",
    "-",
)
RISKY = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


EXPORTS = [
    door.path
    for door in DOORS
    if door.method == "GET" and door.query is not None and "format" in door.query.__struct_fields__
]
COMPARED = "/api/v1/instruments/diff"
"""The one export that is asked for with a file."""


async def poison(site: Site, payload: str) -> None:
    """Put the payload into everything that takes a name or a note."""
    name = quote(payload, safe="")
    for method, path, body in (
        ("POST", "/api/v1/clients", {"name": payload}),
        ("PUT", f"/api/v1/groups/{name}", {"members": ["PAPER-1"]}),
        ("PUT", f"/api/v1/priority-lists/{name}", {"instruments": ["INFY"]}),
        ("PUT", "/api/v1/limits", [{"level": "group", "name": payload, "value_max": "9999999"}]),
        ("POST", "/api/v1/profiles", {payload: {payload: [payload, "TCS"]}}),
        ("PUT", "/api/v1/kill", {"note": payload}),
        ("DELETE", "/api/v1/kill", None),
    ):
        answer = await site.send(method, path, body)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
    assert (await site.signal(payload, payload, "BUY"))["RESPONSE"] == "ACCEPTED"
    assert (await site.signal(payload, "TCS", "BUY"))["RESPONSE"] == "ACCEPTED"


async def test_no_payload_becomes_a_formula_in_any_export(site: Site) -> None:
    for payload in PAYLOADS:
        await poison(site, payload)
    shown: dict[str, set[str]] = {}

    for path in EXPORTS:
        for name in PAYLOADS if "{name}" in path else ("",):
            filled = path.replace("{name}", quote(name, safe=""))
            query = {"format": "csv"} | ({} if name else {"limit": "1000"})
            answer = await site.http.get(filled, params=query)
            assert answer.status_code == 200, f"{filled}: {answer.text}"
            rows = list(csv.reader(StringIO(answer.text, newline="")))
            cells = [cell for row in rows for cell in row]
            assert [
                one for one in cells if one.startswith(RISKY) and not NUMBER.fullmatch(one)
            ] == []
            shown.setdefault(path, set()).update(map(restored, cells))

    for path in ("audit", "clients", "groups", "limits", "orders", "order-log", "positions"):
        assert set(PAYLOADS) <= shown[f"/api/v1/{path}"], path


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_what_a_master_changes_has_no_formula_either(site: Site, payload: str) -> None:
    header = ["symbol", "token_id", "exchange", "instrument_type", "lot_size", "tick_size"]
    rows = [header, [payload, "1", "LSE", "EQ", "1", "0.05"]]
    content = StringIO(newline="")
    csv.writer(content).writerows(rows)
    query = {"format": "csv", "source": "phalanx"}

    answer = await site.http.post(COMPARED, params=query, content=content.getvalue(), headers=CSV)

    if answer.status_code == 422:
        assert answer.json()["code"] == "BAD_TEXT"
        return
    cells = [cell for row in csv.reader(StringIO(answer.text, newline="")) for cell in row]
    assert [one for one in cells if one.startswith(RISKY) and not NUMBER.fullmatch(one)] == []


def test_there_are_exports_to_try() -> None:
    others = {
        door.path
        for door in DOORS
        if door.query is not None and "format" in door.query.__struct_fields__
    }
    assert others - set(EXPORTS) == {COMPARED}
    assert {"/api/v1/audit", "/api/v1/orders", "/api/v1/priority-lists/{name}"} <= set(EXPORTS)
    assert len(EXPORTS) >= 11
