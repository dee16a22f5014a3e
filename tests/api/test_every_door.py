"""Bad input at every door of the catalogue: a problem document with a code, and nothing is journaled.

The walk knows nothing of single doors: what a good body is comes from a door's own examples, what is
wrong with it from the kind of body. A new door is walked as soon as it is in the catalogue.
"""

import re
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec import inspect

from phalanx.api import examples
from phalanx.api.catalogue import DOORS
from phalanx.api.exchange import Door
from phalanx.api.hooks.examples import SOURCE
from tests.api.conftest import Site, open_site

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"content-type": "application/json"}
CSV = {"content-type": "text/csv"}
TEXT = {"content-type": "text/plain"}
DEEP = b"[" * 20_000
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PART = re.compile(r"\{(\w+)\}")
_FIRST = re.compile(r"[,\s]")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder: Path = tmp_path_factory.mktemp("doors") / "data"
    async with open_site(folder) as opened:
        await opened.profiles(examples.PROFILES["two users"])
        source = next(iter(SOURCE.values()))
        await opened.send("PUT", f"/api/v1/hooks/{examples.PARTS['source']}", source)
        yield opened


async def refused(
    site: Site, door: Door, content: bytes, headers: dict[str, str], query: str = ""
) -> tuple[int, str]:
    """Status and code of what a request gets; nothing may have been journaled for it."""
    before = site.system.desk.state.seq
    url = path_of(door) + query
    answer = await site.http.request(door.method, url, content=content, headers=headers)
    assert site.system.desk.state.seq == before, "something was journaled"
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"] == HTTPStatus(answer.status_code).phrase
    assert problem["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, problem["code"]


def named(door: Door) -> str:
    return f"{door.method} {door.path}"


def path_of(door: Door) -> str:
    return _PART.sub(lambda part: examples.PARTS[part.group(1)], door.path)


def takes_json(door: Door) -> bool:
    return door.body is not None and door.media_type == "application/json"


def takes_csv(door: Door) -> bool:
    return door.media_type == "text/csv" or bool(door.csv)


def good_of(door: Door) -> tuple[dict[str, str], bytes]:
    """The headers of a door's kind of body, and the first of its examples."""
    example = next(iter(door.examples.values()))
    if takes_json(door):
        return JSON, msgspec.json.encode(example)
    return TEXT if door.media_type == "text/plain" else CSV, example.encode()


def sheet_of(door: Door) -> str:
    return str(door.csv or next(iter(door.examples.values())))


def bodies(door: Door) -> Iterator[tuple[str, Any, bytes]]:
    for name, example in door.examples.items():
        yield name, example, msgspec.json.encode(example)


def shapes(door: Door, example: object) -> list[inspect.StructType]:
    """The struct that an example is of, where the door takes structs."""
    found = inspect.type_info(door.body)
    members = found.types if isinstance(found, inspect.UnionType) else (found,)
    structs = [one for one in members if isinstance(one, inspect.StructType)]
    if not isinstance(example, dict):
        return []
    return [
        one for one in structs if one.tag_field is None or one.tag == example.get(one.tag_field)
    ]


JSON_DOORS = [door for door in DOORS if takes_json(door)]
CSV_DOORS = [door for door in DOORS if takes_csv(door)]
# A broker's file is read row by row, and has columns that are passed over: `test_masters` spoils it.
SHEET_DOORS = [door for door in CSV_DOORS if not door.path.startswith("/api/v1/instruments/")]


def spoiled() -> Iterator[Any]:
    """What is wrong with the bytes of any JSON, whatever it says."""
    for door in JSON_DOORS:
        _, example, good = next(bodies(door))
        cases = {
            "cut off": (good[:-1], "MALFORMED_JSON"),
            "trailing": (good + b"{", "MALFORMED_JSON"),
            "quotes": (b"'a'", "MALFORMED_JSON"),
            "null": (b"null", "WRONG_TYPE"),
            "number": (b"7", "WRONG_TYPE"),
            "text": (b'"text"', "WRONG_TYPE"),
            "latin": (good[:-1] + b',"\xff":1}', "NOT_UTF8"),
            "utf-16": (good.decode().encode("utf-16"), "NOT_UTF8"),
            "deep": (DEEP, "TOO_DEEP"),
        }
        if not door.body_optional:
            cases["empty"] = (b"", "MALFORMED_JSON")
        if isinstance(example, dict) and example:
            cases["array"] = (b"[]", "WRONG_TYPE")
            cases["twice"] = (b"{" + good[1:-1] + b"," + good[1:], "DUPLICATE_FIELD")
            cases["deep inside"] = (b'{"a":' + DEEP, "TOO_DEEP")
        for what, (content, code) in cases.items():
            yield pytest.param(door, content, code, id=f"{named(door)}-{what}")


@pytest.mark.parametrize(("door", "content", "code"), list(spoiled()))
async def test_a_spoiled_body(site: Site, door: Door, content: bytes, code: str) -> None:
    assert await refused(site, door, content, JSON) == (422, code)


def misshapen() -> Iterator[Any]:
    """Each example with one field too many, or one that must be there too few."""
    for door in JSON_DOORS:
        for name, example, good in bodies(door):
            for shape in shapes(door, example):
                where = f"{named(door)}-{name}"
                more = good[:-1] + (b',"surplus":1}' if example else b'"surplus":1}')
                yield pytest.param(door, more, "UNKNOWN_FIELD", id=f"{where}-surplus")
                required = [one.encode_name for one in shape.fields if one.required]
                required += [shape.tag_field] if shape.tag_field else []
                for field in required:
                    fewer = {key: value for key, value in example.items() if key != field}
                    content = msgspec.json.encode(fewer)
                    yield pytest.param(door, content, "MISSING_FIELD", id=f"{where}-no {field}")


@pytest.mark.parametrize(("door", "content", "code"), list(misshapen()))
async def test_a_misshapen_body(site: Site, door: Door, content: bytes, code: str) -> None:
    assert await refused(site, door, content, JSON) == (422, code)


WRONG = {
    "null": b"null",
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "exponent": b"1e400",
    "small exponent": b"1E-2",
    "huge": b"9" * 400,
    "object": b'{"surplus":{}}',
    "nested lists": b"[[]]",
    "half a pair": b'"\\ud800"',
    "nul": b'"a\\u0000b"',
    "very long": b'"%s"' % (b"a" * 600),
}


def wrong_values() -> Iterator[Any]:
    for door in JSON_DOORS:
        for name, example, _ in bodies(door):
            if not isinstance(example, dict):
                continue
            raw = {key: msgspec.Raw(msgspec.json.encode(value)) for key, value in example.items()}
            for field in example:
                for what, value in WRONG.items():
                    content = msgspec.json.encode({**raw, field: msgspec.Raw(value)})
                    where = f"{named(door)}-{name}-{field}-{what}"
                    yield pytest.param(door, content, id=where)


@pytest.mark.parametrize(("door", "content"), list(wrong_values()))
async def test_a_wrong_value(site: Site, door: Door, content: bytes) -> None:
    status, code = await refused(site, door, content, JSON)

    assert status == 422, code


@pytest.mark.parametrize("door", JSON_DOORS, ids=named)
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
async def test_another_media_type(site: Site, door: Door, headers: dict[str, str]) -> None:
    _, _, good = next(bodies(door))

    assert await refused(site, door, good, headers) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("door", [door for door in DOORS if door.body is not None], ids=named)
async def test_a_body_that_is_too_large(site: Site, door: Door) -> None:
    headers = {**good_of(door)[0], "content-length": str(door.body_max + 1)}

    assert await refused(site, door, b"{}", headers) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("door", [door for door in DOORS if door.body is None], ids=named)
async def test_a_body_where_none_is_taken(site: Site, door: Door) -> None:
    assert await refused(site, door, b'{"a":1}', JSON) == (422, "UNKNOWN_FIELD")


@pytest.mark.parametrize("key", ["k" * 129, "a b", "a\tb"])
@pytest.mark.parametrize("door", [door for door in DOORS if door.keyed], ids=named)
async def test_a_key_that_is_none(site: Site, door: Door, key: str) -> None:
    headers, content = (CSV, b"") if door.body is None else good_of(door)
    headers = {**headers, "idempotency-key": key}

    status, code = await refused(site, door, content, headers)

    # A door may look for what its path names first.
    assert (status, code) == (422, "IDEMPOTENCY_KEY_INVALID") or status in {404, 422}


@pytest.mark.parametrize("door", SHEET_DOORS, ids=named)
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda _: b"", "EMPTY_FILE"),
        (lambda good: good.partition("\n")[0].encode(), "EMPTY_FILE"),
        (lambda good: good.encode() + b"\xff\n", "NOT_UTF8"),
        (lambda good: good.encode() + b"a\0b\n", "EMBEDDED_NUL"),
        (lambda good: good.encode() + b"x\n" + b"," * 40 + b"\n", "WRONG_FIELD_COUNT"),
        (lambda good: f"surplus,{good}".encode(), "UNKNOWN_COLUMN"),
        (lambda good: f"{_FIRST.split(good)[0]},{good}".encode(), "DUPLICATE_COLUMN"),
        (lambda _: b"surplus\n1\n", "UNKNOWN_COLUMN"),
        (lambda good: good.encode() + b'"open\n', "BAD_CSV"),
    ],
    ids=["empty", "header", "latin", "nul", "short", "surplus", "twice", "other", "quote"],
)
async def test_a_spoiled_sheet(site: Site, door: Door, spoil: Any, code: str) -> None:  # noqa: ANN401
    status, found = await refused(site, door, spoil(sheet_of(door)), CSV)

    assert status == 422
    assert found == code or (code, found) == ("WRONG_FIELD_COUNT", "EMPTY_FIELD")


@pytest.mark.parametrize("door", [door for door in CSV_DOORS if not takes_json(door)], ids=named)
async def test_a_sheet_is_csv(site: Site, door: Door) -> None:
    found = await refused(site, door, sheet_of(door).encode(), JSON)

    assert found == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("door", DOORS, ids=named)
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?nonsense=1", "UNKNOWN_FIELD"),
        ("?surplus=1&surplus=2", "DUPLICATE_FIELD"),
        ("?surplus=%ff", "NOT_UTF8"),
        ("?surplus", "MALFORMED_QUERY"),
        (f"?surplus={'a' * 4_096}", "TEXT_TOO_LONG"),
    ],
    ids=["unknown", "twice", "latin", "malformed", "long"],
)
async def test_a_query_that_is_not_meant(site: Site, door: Door, query: str, code: str) -> None:
    headers: dict[str, str] = {}
    content = b""
    if door.body is not None:
        headers, content = good_of(door)

    assert await refused(site, door, content, headers, query) == (422, code)


@pytest.mark.parametrize("path", sorted({path_of(door) for door in DOORS}))
async def test_another_method(site: Site, path: str) -> None:
    taken = {door.method for door in DOORS if _fits(door, path)}
    before = site.system.desk.state.seq

    for method in METHODS:
        if method in taken:
            continue
        answer = await site.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
        assert taken <= set(answer.headers["allow"].split(", "))
    assert site.system.desk.state.seq == before


def _fits(door: Door, path: str) -> bool:
    return re.fullmatch(_PART.sub("[^/]+", door.path), path) is not None


@pytest.mark.parametrize("door", DOORS, ids=named)
async def test_a_stranger_is_turned_away(site: Site, door: Door) -> None:
    headers = {"host": "rebound.example.com"}

    assert await refused(site, door, b"", headers) == (403, "HOST_NOT_ALLOWED")


async def test_the_server_is_well_after_all_that(site: Site) -> None:
    assert (await site.signal("STRATEGY_B", "MINDA", "BUY"))["RESPONSE"] == "ACCEPTED"
