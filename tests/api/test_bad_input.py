"""Bad input at every door that changes something: a named error each, and nothing is journaled."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from phalanx.api.exchange import BODY_BYTES_MAX
from phalanx.api.submission import BODY_MAX
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGNAL = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}
KINDLY = {"kind": "signal", "strategy": "STRATEGY_B", "instrument": "MINDA", "position": "BUY"}
ORDER = {
    "kind": "order",
    "client": 1,
    "instrument": "RELIANCE",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": "10",
    "price": "1364",
}
GOOD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "create_order": ("POST", "/create_order", SIGNAL),
    "signal": ("POST", "/api/v1/instructions", KINDLY),
    "order": ("POST", "/api/v1/instructions", ORDER),
    "replace": ("PATCH", "/api/v1/orders/AA00000000", {"quantity": "5"}),
    "client": ("POST", "/api/v1/clients", {"name": "Somebody"}),
    "account": ("PATCH", "/api/v1/accounts/PAPER-1", {"enabled": True}),
    "subscription": (
        "PATCH",
        "/api/v1/strategies/STRATEGY_A/subscriptions/PAPER-1",
        {"sell_scope": "account"},
    ),
    "kill": ("PUT", "/api/v1/kill", {"account": "PAPER-1"}),
    "profiles": ("POST", "/api/v1/profiles", {"Somebody": {"S": ["INFY"]}}),
}
TIES = "/api/v1/strategies/STRATEGY_A/subscriptions"
DEEP = b"[" * 20_000
JSON = {"content-type": "application/json"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder: Path = tmp_path_factory.mktemp("bad") / "data"
    async with open_site(folder) as opened:
        await opened.profiles(WORKED_EXAMPLE)
        yield opened


async def refused(
    site: Site, method: str, path: str, content: bytes, headers: dict[str, str]
) -> tuple[int, str, str | None]:
    """What a request gets; nothing may have been journaled for it."""
    before = site.system.desk.state.seq
    answer = await site.http.request(method, path, content=content, headers=headers)
    assert site.system.desk.state.seq == before, "something was journaled"
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, problem["code"], problem.get("field")


def content_of(door: str) -> bytes:
    return msgspec.json.encode(GOOD[door][2])


def first_field(door: str) -> bytes:
    return msgspec.json.encode(next(iter(GOOD[door][2].items()))[0])


def spoiled() -> Iterator[Any]:
    """What is wrong with any body, whatever the door."""
    for door in GOOD:
        good = content_of(door)
        twice = b"{" + good[1:-1] + b"," + good[1:]
        if door != "kill":
            yield pytest.param(door, b"", "MALFORMED_JSON", id=f"{door}-empty")
        yield pytest.param(door, good[:-1], "MALFORMED_JSON", id=f"{door}-cut off")
        yield pytest.param(door, good + b"{", "MALFORMED_JSON", id=f"{door}-trailing")
        yield pytest.param(door, b"'a'", "MALFORMED_JSON", id=f"{door}-quotes")
        yield pytest.param(door, b"[]", "WRONG_TYPE", id=f"{door}-array")
        yield pytest.param(door, b"null", "WRONG_TYPE", id=f"{door}-null")
        yield pytest.param(door, b'"text"', "WRONG_TYPE", id=f"{door}-text")
        yield pytest.param(door, good[:-2] + b'\xff"}', "NOT_UTF8", id=f"{door}-latin")
        yield pytest.param(door, good.decode().encode("utf-16"), "NOT_UTF8", id=f"{door}-utf-16")
        yield pytest.param(door, DEEP, "TOO_DEEP", id=f"{door}-deep")
        yield pytest.param(door, b'{"a":' + DEEP, "TOO_DEEP", id=f"{door}-deep inside")
        yield pytest.param(door, twice, "DUPLICATE_FIELD", id=f"{door}-twice")
        if door != "profiles":
            more = good[:-1] + b',"surplus":1}'
            yield pytest.param(door, more, "UNKNOWN_FIELD", id=f"{door}-surplus")


@pytest.mark.parametrize(("door", "content", "code"), list(spoiled()))
async def test_a_spoiled_body(site: Site, door: str, content: bytes, code: str) -> None:
    method, path, _ = GOOD[door]

    assert (await refused(site, method, path, content, JSON))[:2] == (422, code)


@pytest.mark.parametrize("door", GOOD)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/json; charset=utf-16"},
        {**JSON, "content-encoding": "gzip"},
    ],
    ids=["none", "plain", "utf-16", "gzip"],
)
async def test_another_media_type(site: Site, door: str, headers: dict[str, str]) -> None:
    method, path, _ = GOOD[door]

    found = await refused(site, method, path, content_of(door), headers)
    assert found == (415, "UNSUPPORTED_MEDIA_TYPE", None)


@pytest.mark.parametrize("door", [door for door in GOOD if door != "profiles"])
async def test_a_body_that_is_too_large(site: Site, door: str) -> None:
    method, path, _ = GOOD[door]
    limit = BODY_MAX if path.endswith("/instructions") else BODY_BYTES_MAX
    large = content_of(door)[:-1] + b" " * limit + b"}"

    assert (await refused(site, method, path, large, JSON))[:2] == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("key", ["", "k" * 129, "a b", "a\tb"])
@pytest.mark.parametrize("door", GOOD)
async def test_a_key_that_is_none(site: Site, door: str, key: str) -> None:
    method, path, _ = GOOD[door]
    headers = {**JSON, "idempotency-key": key}

    found = await refused(site, method, path, content_of(door), headers)
    assert found[:2] == (422, "IDEMPOTENCY_KEY_INVALID")


def wrong_fields() -> Iterator[Any]:
    """One field of a good body replaced; what it is replaced by is JSON."""
    names: tuple[tuple[bytes, str], ...] = (
        (b'""', "EMPTY_TEXT"),
        (b'"%s"' % (b"a" * 129), "TEXT_TOO_LONG"),
        (b'"a\\u0000b"', "INVALID_TEXT"),
        (b'"a\\nb"', "INVALID_TEXT"),
        (b'"\\ud800"', "INVALID_TEXT"),
        (b"1.5", "WRONG_TYPE"),
        (b"null", "WRONG_TYPE"),
        (b"{}", "WRONG_TYPE"),
    )
    numbers: tuple[tuple[bytes, str], ...] = (
        (b"1e400", "INVALID_NUMBER"),
        (b"1E2", "INVALID_NUMBER"),
        (b"NaN", "INVALID_NUMBER"),
        (b"-Infinity", "INVALID_NUMBER"),
        (b'"NaN"', "INVALID_NUMBER"),
        (b'"ten"', "INVALID_NUMBER"),
        (b'""', "INVALID_NUMBER"),
        (b"1.000000001", "TOO_PRECISE"),
        (b'"0.000000001"', "TOO_PRECISE"),
        (b"90000000001", "NUMBER_TOO_LARGE"),
        (b"0", "NOT_POSITIVE"),
        (b"-1", "NOT_POSITIVE"),
        (b'"-0"', "NOT_POSITIVE"),
        (b"null", "WRONG_TYPE"),
        (b"[1]", "WRONG_TYPE"),
    )
    for door, field in (
        ("create_order", "STRATEGY"),
        ("create_order", "INSTRUMENT"),
        ("signal", "strategy"),
        ("order", "instrument"),
        ("client", "name"),
        ("kill", "account"),
    ):
        for value, code in names:
            yield pytest.param(door, field, value, code, id=f"{door}-{field}-{value[:12]!r}")
    for door, field in (("order", "quantity"), ("order", "price"), ("replace", "quantity")):
        for value, code in numbers:
            yield pytest.param(door, field, value, code, id=f"{door}-{field}-{value!r}")
    yield from others()


def others() -> Iterator[Any]:
    for door, field, value, code in (
        ("create_order", "POSITION", b'"HOLD"', "INVALID_POSITION"),
        ("create_order", "POSITION", b'"buy"', "INVALID_POSITION"),
        ("create_order", "POSITION", b"1", "WRONG_TYPE"),
        ("signal", "position", b'"HOLD"', "INVALID_POSITION"),
        ("signal", "kind", b'"basket"', "INVALID_VALUE"),
        ("signal", "expires_s", b"0", "INVALID_VALUE"),
        ("signal", "note", b'"%s"' % (b"a" * 501), "TEXT_TOO_LONG"),
        ("order", "client", b"0", "INVALID_VALUE"),
        ("order", "client", b'"1"', "WRONG_TYPE"),
        ("order", "client", b"99999999999999999999", "INVALID_VALUE"),
        ("order", "side", b'"EXIT"', "INVALID_VALUE"),
        ("order", "type", b'"ICEBERG"', "INVALID_VALUE"),
        ("order", "type", b'"MARKET"', "PRICE_NOT_ALLOWED"),
        ("order", "product", b'"CASH"', "INVALID_VALUE"),
        ("order", "time_in_force", b'"GTC"', "INVALID_VALUE"),
        ("order", "quantity", b'"\xff:"', "NOT_UTF8"),
        ("client", "available_funds", b"-1", "NOT_POSITIVE"),
        ("client", "available_funds", b"1e9", "INVALID_NUMBER"),
        ("account", "enabled", b"1", "WRONG_TYPE"),
        ("account", "charge_bps", b"10001", "INVALID_VALUE"),
        ("account", "fill_profile", b'{"slices":0}', "INVALID_VALUE"),
        ("subscription", "sell_scope", b'"STRATEGY"', "INVALID_VALUE"),
        ("subscription", "sell_scope", b"null", "WRONG_TYPE"),
        ("subscription", "product", b'"CASH"', "INVALID_VALUE"),
        ("subscription", "type", b'"STOP"', "INVALID_VALUE"),
        ("subscription", "enabled", b'"yes"', "WRONG_TYPE"),
        ("subscription", "sizing", b'"one lot"', "WRONG_TYPE"),
        ("subscription", "sizing", b'{"method":"kelly"}', "INVALID_VALUE"),
        ("subscription", "sizing", b'{"quantity":1}', "MISSING_FIELD"),
        ("subscription", "sizing", b'{"method":"fixed_cash"}', "MISSING_FIELD"),
        ("subscription", "sizing", b'{"method":"fixed_cash","quantity":1}', "UNKNOWN_FIELD"),
        ("subscription", "sizing", b'{"method":"fixed_cash","amount":1e5}', "INVALID_NUMBER"),
        ("subscription", "sizing", b'{"method":"fixed_cash","amount":0}', "NOT_POSITIVE"),
        ("subscription", "sizing", b'{"method":"cash_share","percent":101}', "INVALID_VALUE"),
        ("subscription", "sizing", b'{"method":"cash_share","percent":0.001}', "TOO_PRECISE"),
        (
            *("subscription", "sizing"),
            *(b'{"method":"fixed_quantity","quantity":90000000001}', "NUMBER_TOO_LARGE"),
        ),
        ("kill", "note", b'"a\\u0007"', "INVALID_TEXT"),
    ):
        yield pytest.param(door, field, value, code, id=f"{door}-{field}-{value[:48]!r}")


@pytest.mark.parametrize(("door", "field", "value", "code"), list(wrong_fields()))
async def test_a_wrong_field(site: Site, door: str, field: str, value: bytes, code: str) -> None:
    method, path, good = GOOD[door]
    raw = {name: msgspec.Raw(msgspec.json.encode(is_so)) for name, is_so in good.items()}
    content = msgspec.json.encode({**raw, field: msgspec.Raw(value)})

    status, found, where = await refused(site, method, path, content, JSON)

    assert (status, found) == (422, code)
    if code in {"INVALID_NUMBER", "INVALID_TEXT"} and where is None:
        return  # what is no JSON at all has no fields yet
    expected = "price" if code == "PRICE_NOT_ALLOWED" else field
    assert where is not None
    assert where.split(".")[0] == expected


@pytest.mark.parametrize(
    ("door", "missing"),
    [
        (door, field)
        for door, (_, _, body) in GOOD.items()
        for field in body
        if door not in {"profiles", "account", "subscription", "replace", "kill"}
        and field != "type"
    ],
)
async def test_a_missing_field(site: Site, door: str, missing: str) -> None:
    method, path, good = GOOD[door]
    content = msgspec.json.encode({name: value for name, value in good.items() if name != missing})

    assert await refused(site, method, path, content, JSON) == (422, "MISSING_FIELD", missing)


@pytest.mark.parametrize("door", ["account", "subscription", "replace"])
async def test_a_change_of_nothing(site: Site, door: str) -> None:
    method, path, _ = GOOD[door]

    assert (await refused(site, method, path, b"{}", JSON))[:2] == (422, "NOTHING_TO_CHANGE")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PATCH", "/api/v1/orders/AA00000000", {"quantity": 1}, 404, "UNKNOWN_ORDER"),
        ("POST", "/api/v1/orders/AA00000000/cancel", None, 404, "UNKNOWN_ORDER"),
        ("POST", f"/api/v1/orders/{'A' * 129}/cancel", None, 422, "TEXT_TOO_LONG"),
        ("POST", "/api/v1/orders/A%00/cancel", None, 422, "INVALID_TEXT"),
        ("PATCH", "/api/v1/accounts/NOBODY", {"enabled": False}, 404, "NOT_FOUND"),
        ("GET", "/api/v1/strategies/NONE/subscriptions", None, 404, "NOT_FOUND"),
        ("GET", f"{TIES}?limit=0", None, 422, "INVALID_VALUE"),
        ("GET", f"{TIES}?account=PAPER-1", None, 422, "UNKNOWN_FIELD"),
        ("PATCH", f"{TIES}/PAPER-2", {"enabled": True}, 404, "NOT_FOUND"),
        ("PATCH", f"{TIES}/NOBODY", {"enabled": True}, 404, "NOT_FOUND"),
        (
            *("PATCH", "/api/v1/strategies/NONE/subscriptions/PAPER-1"),
            *({"enabled": True}, 404, "NOT_FOUND"),
        ),
        ("PUT", "/api/v1/kill", {"account": "NOBODY"}, 422, "UNKNOWN_ACCOUNT"),
        ("DELETE", "/api/v1/kill", None, 422, "NO_SUCH_KILL"),
        ("DELETE", "/api/v1/kill?account=PAPER-1", None, 422, "NO_SUCH_KILL"),
        ("DELETE", "/api/v1/kill?acount=PAPER-1", None, 422, "UNKNOWN_FIELD"),
        ("POST", "/api/v1/clients", {"name": "Oaklee Wagner"}, 409, "CLIENT_EXISTS"),
        ("GET", "/api/v1/clients/99", None, 404, "NOT_FOUND"),
        ("GET", "/api/v1/clients/one", None, 404, "NOT_FOUND"),
        ("GET", f"/api/v1/clients/{'9' * 100}", None, 404, "NOT_FOUND"),
        ("GET", "/api/v1/accounts/NOBODY", None, 404, "NOT_FOUND"),
        ("GET", "/api/v1/orders/AA00000000", None, 404, "UNKNOWN_ORDER"),
        ("GET", "/api/v1/instructions/I", None, 404, "UNKNOWN_INSTRUCTION"),
        ("GET", "/api/v1/orders?limit=0", None, 422, "INVALID_VALUE"),
        ("GET", "/api/v1/orders?skip=-1", None, 422, "INVALID_VALUE"),
        ("GET", "/api/v1/orders?status=DONE", None, 422, "INVALID_VALUE"),
        ("GET", "/api/v1/orders?instrument=", None, 422, "EMPTY_TEXT"),
        ("GET", "/api/v1/orders?account=%ff", None, 422, "NOT_UTF8"),
        ("GET", "/api/v1/positions?client=1&client=2", None, 422, "DUPLICATE_FIELD"),
        ("GET", "/api/v1/open-buys?limit=10001", None, 422, "INVALID_VALUE"),
        ("GET", "/api/v1/order-log?since_seq=x", None, 422, "WRONG_TYPE"),
        ("GET", "/api/v1/instructions?kind=basket", None, 422, "INVALID_VALUE"),
        ("GET", "/api/v1/instruments/search?limit=501", None, 422, "INVALID_VALUE"),
        ("GET", "/create_orders", None, 404, "NOT_FOUND"),
        ("GET", "/", None, 404, "NOT_FOUND"),
    ],
)
async def test_what_is_not_there_or_not_meant(
    site: Site, method: str, path: str, body: object, status: int, code: str
) -> None:
    content = b"" if body is None else msgspec.json.encode(body)
    headers = {} if body is None else JSON

    assert (await refused(site, method, path, content, headers))[:2] == (status, code)


def bad_profiles() -> Iterator[Any]:
    many: dict[str, Any] = {str(number): {} for number in range(10_001)}
    suites: dict[str, Any] = {"U": {str(number): [] for number in range(1_001)}}
    names = {"U": {"S": [str(number) for number in range(1_001)]}}
    details = {"USERS": ["a"], "STRATEGIES": ["b"], "INSTRUMENTS": ["c"]}
    yield pytest.param(many, "TOO_MANY_USERS", id="users")
    yield pytest.param(suites, "TOO_MANY_STRATEGIES", id="strategies")
    yield pytest.param(names, "TOO_MANY_INSTRUMENTS", id="instruments")
    yield pytest.param(details, "RAW_DETAILS", id="details")
    yield pytest.param({"U": []}, "WRONG_TYPE", id="suite")
    yield pytest.param({"U": {"S": "INFY"}}, "WRONG_TYPE", id="names")
    yield pytest.param({"U": {"S": [2885]}}, "WRONG_TYPE", id="token")
    yield pytest.param({"": {}}, "EMPTY_TEXT", id="nameless user")
    yield pytest.param({"U": {"": []}}, "EMPTY_TEXT", id="nameless strategy")
    yield pytest.param({"U": {"S": [""]}}, "EMPTY_TEXT", id="nameless instrument")
    yield pytest.param({"a" * 129: {}}, "TEXT_TOO_LONG", id="long user")
    yield pytest.param({"U": {"S": ["a\x00"]}}, "INVALID_TEXT", id="nul")


@pytest.mark.parametrize(("profiles", "code"), list(bad_profiles()))
async def test_profiles_that_are_none(site: Site, profiles: object, code: str) -> None:
    content = msgspec.json.encode(profiles)

    assert await refused(site, "POST", "/api/v1/profiles", content, JSON) == (422, code, None)


CSV = "symbol,token_id,exchange,instrument_type,lot_size,tick_size\n"


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        (b"", "EMPTY_FILE", None),
        (CSV.encode(), "EMPTY_FILE", None),
        (b"symbol\nA\n", "MISSING_COLUMN", "token_id"),
        (CSV.encode() + b"A,1,NSE,EQ,x,0.05\n", "BAD_NUMBER", "lot_size"),
        (CSV.encode() + b"A,1,NSE,EQ,0,0.05\n", "NOT_POSITIVE", "lot_size"),
        (CSV.encode() + b"A,1,NSE,EQ,1\n", "WRONG_FIELD_COUNT", None),
        (CSV.encode() + b"\xff,1,NSE,EQ,1,1\n", "NOT_UTF8", None),
        (CSV.encode() + b"A,1,LOCAL,EQ,1,1\n", "RESERVED_EXCHANGE", "exchange"),
        (CSV.encode() + b"A,1,NSE,EQ,1,1\nB,1,NSE,EQ,1,1\n", "DUPLICATE_KEY", "token_id"),
    ],
)
async def test_masters_that_are_none(
    site: Site, content: bytes, code: str, field: str | None
) -> None:
    found = await refused(
        site, "POST", "/api/v1/instruments", content, {"content-type": "text/csv"}
    )

    assert found == (422, code, field)


async def test_a_master_is_csv(site: Site) -> None:
    found = await refused(site, "POST", "/api/v1/instruments", b"{}", JSON)

    assert found[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_the_server_is_well_after_all_that(site: Site) -> None:
    assert (await site.signal("STRATEGY_B", "MINDA", "BUY"))["RESPONSE"] == "ACCEPTED"
