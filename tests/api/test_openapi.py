import csv
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest

from phalanx.api import create_app
from phalanx.api.baskets import read_basket
from phalanx.api.catalogue import DOORS
from phalanx.api.decoding import Body
from phalanx.api.exchange import Door
from phalanx.api.hooks.alerts import read_fields
from phalanx.api.instruction_shapes import InstructionBody
from phalanx.api.new_instructions import read_instruction
from phalanx.domain.instructions import KINDS
from phalanx.domain.profiles import read_profiles
from phalanx.market.daily import MasterSource, read_daily
from phalanx.market.master import read_instruments
from tests.api.conftest import Site
from tests.api.schema_fit import WORDS, misfits, schemas


def read_scrips(content: bytes) -> object:
    daily = read_daily(content, MasterSource.MOTILAL)
    assert not daily.flaws.told
    return daily


READERS: dict[str, Callable[[bytes], object]] = {
    "/api/v1/instruments": read_instruments,
    "/api/v1/instruments/load": read_scrips,
    "/api/v1/instruments/diff": read_scrips,
    "/api/v1/baskets": read_basket,
    "/api/v1/baskets/preview": read_basket,
}
DOCUMENT: dict[str, Any] = create_app().ordinary.openapi()


def operation(door: Door) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][door.path][door.method.lower()]
    return found


def named(door: Door) -> str:
    return f"{door.method} {door.path}"


def references(part: object) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if "$ref" in part else set()
        return own.union(*(references(value) for value in part.values()))
    if isinstance(part, list):
        return set().union(*(references(value) for value in part))
    return set()


def test_every_door_is_described_and_nothing_else() -> None:
    described = {
        (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item
    }

    assert described == {(door.method, door.path) for door in DOORS}


@pytest.mark.parametrize("door", DOORS, ids=named)
def test_a_door_is_described_in_full(door: Door) -> None:
    found = operation(door)

    assert found["summary"]
    assert found["tags"] == [door.tag]
    assert found["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
    assert str(door.status) in found["responses"]
    headers = {p["name"] for p in found["parameters"] if p["in"] == "header"}
    assert ("Idempotency-Key" in headers) is door.keyed
    assert ("requestBody" in found) is (door.body is not None)
    assert {p["name"] for p in found["parameters"] if p["in"] == "path"} == {
        part.split("}")[0] for part in door.path.split("{")[1:]
    }


@pytest.mark.parametrize("door", DOORS, ids=named)
def test_problems_are_in_the_responses(door: Door) -> None:
    responses = operation(door)["responses"]
    said = {
        code
        for response in responses.values()
        if "application/problem+json" in response["content"]
        for code in response["description"].split(", ")
    }

    assert {*door.problems, "HOST_NOT_ALLOWED"} <= said
    assert ("IDEMPOTENCY_KEY_REUSED" in said) is door.keyed
    assert ("UNSUPPORTED_MEDIA_TYPE" in said) is (door.body is not None)


def test_everything_that_changes_something_takes_a_key() -> None:
    def changes_nothing(door: Door) -> bool:
        # A reading of books brings nothing about that the next one would not: it may be repeated.
        # What is shown once, a ticket, a token, is not said again under a key; of credentials nothing is
        # journaled, and what is written names the version that it replaces. An alert has its nonce.
        return (
            door.method == "GET"
            or door.tag in {"identity", "credentials"}
            or door.path.endswith(("/preview", "/reconcile", "/try", "/diff"))
            or (door.tag == "webhooks" and (door.policy.is_public or "/secret" in door.path))
            # Sealed addresses are not in the journal, where keys are; to put one again changes nothing.
            or "/alerts/channels/" in door.path
        )

    assert [named(door) for door in DOORS if door.keyed is changes_nothing(door)] == []


def test_every_reference_leads_somewhere() -> None:
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}

    assert references(DOCUMENT) <= known
    assert not [name for name in DOCUMENT["components"]["schemas"] if "." in name]


def test_every_default_is_what_its_schema_allows() -> None:
    found = [(where, schema) for where, schema in schemas(DOCUMENT) if "default" in schema]

    assert len(found) > 100
    assert [
        (where, schema["default"], faults)
        for where, schema in found
        if (faults := list(misfits(schema["default"], schema, DOCUMENT)))
    ] == []


def test_no_schema_says_what_the_check_of_defaults_passes_over() -> None:
    said = {
        word
        for where, schema in schemas(DOCUMENT)
        if not where.endswith(("/properties", "/schemas", "/mapping", "/discriminator"))
        for word in schema
    }

    assert said <= WORDS


def test_a_default_outside_of_its_schema_is_found() -> None:
    text = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}], "default": ""}

    assert list(misfits("", text, DOCUMENT)) == ["anyOf"]
    assert list(misfits(7, text, DOCUMENT)) == []


@pytest.mark.parametrize("door", [door for door in DOORS if door.examples], ids=named)
def test_an_example_is_what_its_schema_allows(door: Door) -> None:
    for content in operation(door)["requestBody"]["content"].values():
        for example in content["examples"].values():
            assert list(misfits(example["value"], content["schema"], DOCUMENT)) == []


@pytest.mark.parametrize("door", [door for door in DOORS if door.answers], ids=named)
def test_an_answer_that_is_shown_is_what_its_schema_allows(door: Door) -> None:
    content = operation(door)["responses"][str(door.status)]["content"]["application/json"]

    assert content["examples"]
    for example in content["examples"].values():
        assert list(misfits(example["value"], content["schema"], DOCUMENT)) == []
        assert (
            msgspec.to_builtins(msgspec.convert(example["value"], door.answer)) == example["value"]
        )


def test_the_cash_after_of_a_preview_promises_no_proceeds() -> None:
    about = " ".join(DOCUMENT["components"]["schemas"]["Outcome"]["description"].split())

    assert "cash available after what its buys set aside" in about
    assert "proceeds of sells come with their fills" in about


def test_the_handlers_have_names_of_their_own() -> None:
    ids = [op["operationId"] for item in DOCUMENT["paths"].values() for op in item.values()]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("door", "example"),
    [
        pytest.param(door, example, id=f"{named(door)} {name}")
        for door in DOORS
        for name, example in door.examples.items()
    ],
)
def test_an_example_is_good(door: Door, example: Any) -> None:  # noqa: ANN401  JSON
    assert example in [
        shown["value"]
        for content in operation(door)["requestBody"]["content"].values()
        for shown in content["examples"].values()
    ]
    if door.media_type == "text/csv":
        header, *rows = csv.reader(example.splitlines())
        assert rows
        assert {len(row) for row in rows} == {len(header)}
        READERS.get(door.path, len)(example.encode())
    elif door.media_type == "text/plain":
        assert read_fields(example.encode(), b"text/plain")
    elif door.path.endswith("/profiles"):
        assert read_profiles(msgspec.json.encode(example)) == example
    else:
        body: Body[Any] = Body(door.body)
        decoded = body.decode(msgspec.json.encode(example))
        if isinstance(decoded, get_args(InstructionBody)):
            assert KINDS[type(read_instruction(decoded).request)] == example["kind"]


def test_a_price_is_a_number_or_a_text() -> None:
    order = DOCUMENT["components"]["schemas"]["OrderInstruction"]

    assert order["properties"]["price"]["type"] == ["string", "number"]
    assert order["additionalProperties"] is False
    assert order["required"] == ["kind", "instrument", "side", "quantity"]


async def test_the_document_is_served(site: Site) -> None:
    assert await site.get("/openapi.json") == DOCUMENT
    page = await site.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
