"""Bad input at the platform's doors: a named error each, and nothing is journaled."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from phalanx.api.platform.placing import BODY_MAX, ENTRIES_MAX
from phalanx.domain.instruments import AmbiguousName, InstrumentIndex
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACE = {
    "client_id": 1,
    "token_id": "2885",
    "execution_type": "BUY",
    "order_type": "LIMIT",
    "trade_type": "DELIVERY",
    "quantity": 10,
    "price": "1364.5",
}
EXECUTE: dict[str, Any] = {
    **{name: value for name, value in PLACE.items() if name not in {"client_id", "quantity"}},
    "client_orders": [{"client_id": 1, "quantity": 10}],
}
GOOD = {"/api/v1/orders/place": PLACE, "/api/v1/orders/execute-all": EXECUTE}
JSON = {"content-type": "application/json"}
DEEP = b"[" * 20_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder: Path = tmp_path_factory.mktemp("bad") / "data"
    async with open_site(folder) as opened:
        await opened.profiles(WORKED_EXAMPLE)
        yield opened


async def refused(
    site: Site, path: str, content: bytes, headers: dict[str, str] = JSON
) -> tuple[int, str, str | None]:
    """What a request gets; nothing may have been journaled for it."""
    before = site.system.desk.state.seq
    answer = await site.http.post(path, content=content, headers=headers)
    assert site.system.desk.state.seq == before, "something was journaled"
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    return answer.status_code, problem["code"], problem.get("field")


def spoiled(good: bytes) -> dict[str, tuple[bytes, str]]:
    return {
        "empty": (b"", "MALFORMED_JSON"),
        "cut off": (good[:-1], "MALFORMED_JSON"),
        "trailing": (good + b"{", "MALFORMED_JSON"),
        "array": (b"[]", "WRONG_TYPE"),
        "null": (b"null", "WRONG_TYPE"),
        "latin": (good[:-2] + b'\xff"}', "NOT_UTF8"),
        "deep": (DEEP, "TOO_DEEP"),
        "twice": (b"{" + good[1:-1] + b"," + good[1:], "DUPLICATE_FIELD"),
        "surplus": (good[:-1] + b',"surplus":1}', "UNKNOWN_FIELD"),
    }


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("how", spoiled(b"{}"))
async def test_a_spoiled_body(site: Site, path: str, how: str) -> None:
    content, code = spoiled(msgspec.json.encode(GOOD[path]))[how]

    assert (await refused(site, path, content))[:2] == (422, code)


@pytest.mark.parametrize("path", GOOD)
async def test_another_media_type(site: Site, path: str) -> None:
    content = msgspec.json.encode(GOOD[path])

    found = await refused(site, path, content, {"content-type": "text/plain"})

    assert found[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("field", [name for name in PLACE if name != "price"])
async def test_a_missing_field(site: Site, path: str, field: str) -> None:
    if field not in GOOD[path]:
        field = "client_orders"
    body = {name: value for name, value in GOOD[path].items() if name != field}

    found = await refused(site, path, msgspec.json.encode(body))

    assert found == (422, "MISSING_FIELD", field)


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"execution_type": "HOLD"}, "INVALID_VALUE", "execution_type"),
        ({"execution_type": "buy"}, "INVALID_VALUE", "execution_type"),
        ({"order_type": "ICEBERG"}, "INVALID_VALUE", "order_type"),
        ({"trade_type": "CNC"}, "INVALID_VALUE", "trade_type"),
        ({"token_id": ""}, "EMPTY_TEXT", "token_id"),
        ({"token_id": None}, "WRONG_TYPE", "token_id"),
        ({"token_id": "x" * 129}, "TEXT_TOO_LONG", "token_id"),
        ({"token_id": "a\nb"}, "INVALID_TEXT", "token_id"),
        ({"price": None}, "MISSING_FIELD", "price"),
        ({"price": 0}, "NOT_POSITIVE", "price"),
        ({"price": "-1"}, "NOT_POSITIVE", "price"),
        ({"price": "1e3"}, "INVALID_NUMBER", "price"),
        ({"price": "0.123456789"}, "TOO_PRECISE", "price"),
        ({"price": True}, "WRONG_TYPE", "price"),
        ({"order_type": "MARKET"}, "PRICE_NOT_ALLOWED", "price"),
        ({"trigger_price": 1360}, "PRICE_NOT_ALLOWED", "trigger_price"),
        ({"order_type": "STOP_LIMIT"}, "MISSING_FIELD", "trigger_price"),
        ({"order_type": "SL-M", "price": 0}, "MISSING_FIELD", "trigger_price"),
        (
            {"execution_type": "EXIT", "order_type": "SL", "trigger_price": 1},
            *("INVALID_VALUE", "order_type"),
        ),
        ({"tag": "x" * 501}, "TEXT_TOO_LONG", "tag"),
        ({"tag": "a\0b"}, "INVALID_TEXT", "tag"),
    ],
    ids=str,
)
async def test_a_bad_field(
    site: Site, path: str, change: dict[str, object], code: str, field: str
) -> None:
    found = await refused(site, path, msgspec.json.encode(GOOD[path] | change))

    assert found == (422, code, field)


@pytest.mark.parametrize(
    ("client", "quantity", "code"),
    [
        ("1", "10", "WRONG_TYPE"),
        ("0", "10", "INVALID_VALUE"),
        ("1.5", "10", "WRONG_TYPE"),
        ("9" * 30, "10", "INVALID_VALUE"),
        ("1", "-1", "NOT_POSITIVE"),
        ("1", "1e3", "INVALID_NUMBER"),
        ("1", '"NaN"', "INVALID_NUMBER"),
        ("1", "0.123456789", "TOO_PRECISE"),
        ("1", "99999999999", "NUMBER_TOO_LARGE"),
        ("1", "null", "WRONG_TYPE"),
        ("1", "{}", "WRONG_TYPE"),
    ],
)
@pytest.mark.parametrize("path", GOOD)
async def test_a_bad_client_or_quantity(
    site: Site, path: str, client: str, quantity: str, code: str
) -> None:
    client = f'"{client}"' if (client, quantity) == ("1", "10") else client
    entry = f'"client_id":{client},"quantity":{quantity}'
    if path.endswith("place"):
        rest = {name: v for name, v in PLACE.items() if name not in {"client_id", "quantity"}}
        content = msgspec.json.encode(rest)[:-1].decode() + f",{entry}}}"
    else:
        rest = {name: v for name, v in EXECUTE.items() if name != "client_orders"}
        content = msgspec.json.encode(rest)[:-1].decode() + f',"client_orders":[{{{entry}}}]}}'

    assert (await refused(site, path, content.encode()))[:2] == (422, code)


async def test_two_bounds_for_one_client(site: Site) -> None:
    entries = [{"client_id": 1, "quantity": 5}, {"client_id": 1, "quantity": 6}]
    body = EXECUTE | {"execution_type": "EXIT", "client_orders": entries}

    found = await refused(site, "/api/v1/orders/execute-all", msgspec.json.encode(body))

    assert found == (422, "DUPLICATE_CLIENT", "client_orders[1].client_id")


async def test_too_many_entries(site: Site) -> None:
    entries = [{"client_id": 1, "quantity": 1}] * (ENTRIES_MAX + 1)
    body = EXECUTE | {"client_orders": entries}

    found = await refused(site, "/api/v1/orders/execute-all", msgspec.json.encode(body))

    assert found[:2] == (422, "INVALID_VALUE")


async def test_a_body_beyond_all_bounds(site: Site) -> None:
    content = b" " * (BODY_MAX + 1)

    found = await refused(site, "/api/v1/orders/execute-all", content)

    assert found[:2] == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *GOOD.items(),
        ("/api/v1/trades/NOBODY/exit", None),
        ("/api/v1/trades/exit-by-token/2885", [1]),
    ],
    ids=["place", "execute-all", "exit", "exit-by-token"],
)
async def test_a_bad_key(site: Site, path: str, body: object) -> None:
    content = b"" if body is None else msgspec.json.encode(body)
    headers = JSON | {"idempotency-key": "x" * 1_000}

    found = await refused(site, path, content, headers)

    assert found[:2] == (422, "IDEMPOTENCY_KEY_INVALID")


@pytest.mark.parametrize("execution", ["BUY", "EXIT"])
async def test_a_token_of_two_exchanges(
    site: Site, execution: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ambiguous(_: InstrumentIndex, name: str) -> None:
        raise AmbiguousName(name, ("BSE:7", "NSE:7"))

    monkeypatch.setattr(InstrumentIndex, "resolve", ambiguous)
    for path, good in GOOD.items():
        body = msgspec.json.encode(good | {"execution_type": execution})
        assert (await refused(site, path, body))[1] == "AMBIGUOUS_TOKEN"
    assert (await refused(site, "/api/v1/trades/exit-by-token/7", b""))[1] == "AMBIGUOUS_TOKEN"
