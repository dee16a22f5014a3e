"""The OpenAPI document: every door, hot ones included, with schemas made from its msgspec structs."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from phalanx.api import examples, stream_description
from phalanx.api.deferred import ACCEPTED, ChangeWaiting
from phalanx.api.edges.heads import HEAD_BYTES_MAX, HEADERS_MAX
from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.head import KEY_CHARACTERS_MAX, REQUEST_ID_CHARACTERS_MAX
from phalanx.api.policy import DOCS, Behind
from phalanx.api.problems import STATUSES, ProblemDocument
from phalanx.domain.access import Permission
from phalanx.domain.names import NOTE_CHARACTERS_MAX

_REF = "#/components/schemas/{name}"
_PART = re.compile(r"\{(\w+)\}")
_VALUE_PROBLEMS = ("WRONG_TYPE", "INVALID_VALUE", "NUMBER_TOO_LARGE", "INVALID_NUMBER")
_TEXT_PROBLEMS = ("EMPTY_TEXT", "INVALID_TEXT")
_BODY_PROBLEMS = (
    *("UNSUPPORTED_MEDIA_TYPE", "MALFORMED_JSON", "TOO_DEEP", "MISSING_FIELD"),
    *(*_VALUE_PROBLEMS, *_TEXT_PROBLEMS),
)
_NUMBER_PROBLEMS = ("INVALID_NUMBER", "TOO_PRECISE", "NUMBER_TOO_LARGE")
_EXACT = b'"type":["string","number"]'
"""How a number that is read exactly is described, in a schema; see `Exact`."""
_TABLE_PROBLEMS = (
    *("FILE_TOO_LARGE", "EMPTY_FILE", "EMBEDDED_NUL", "LINE_TOO_LONG", "TOO_MANY_ROWS", "BAD_CSV"),
    *("MISSING_COLUMN", "UNKNOWN_COLUMN", "DUPLICATE_COLUMN", "WRONG_FIELD_COUNT"),
    *("EMPTY_FIELD", "FIELD_TOO_LONG", "BAD_TEXT"),
)
_KEY_PROBLEMS = ("IDEMPOTENCY_KEY_INVALID", "IDEMPOTENCY_KEY_REUSED", "OVERLOADED", "DESK_STOPPED")
_EVERYWHERE = (
    *("HOST_NOT_ALLOWED", "LOOPBACK_ONLY", "ORIGIN_NOT_ALLOWED", "RATE_LIMITED"),
    *("MALFORMED_REQUEST", "HEAD_TOO_LARGE", "HEAD_TIMEOUT", "OVERLOADED"),
    # Of a body or a query string, also where there should be none.
    *("BODY_TOO_LARGE", "BODY_INCOMPLETE", "BODY_TIMEOUT"),
    *("UNKNOWN_FIELD", "DUPLICATE_FIELD", "MALFORMED_QUERY", "NOT_UTF8", "TEXT_TOO_LONG"),
)
_KNOWN_PROBLEMS = ("UNAUTHENTICATED", "SESSION_ENDED", "PASSWORD_CHANGE_NEEDED", "FORBIDDEN")
SCHEME = "login or machine key"

ABOUT_BEARER = (
    "The access token of a login, or a machine key. `serve --open-localhost` asks for nothing."
)

ABOUT = f"""\
One instruction, every account, in step.

**Numbers.** Money, prices and quantities are sent as numbers or as texts and are read exactly from
their characters: at most eight decimals, no exponents. Answers give them as texts; the doors of the
multi-client platform (tags `clients`, `trades`, `tokens`) give JSON numbers.

**Names.** An instrument is named by symbol, alias, token (`2885`) or `EXCHANGE:TOKEN`. Names have at
most 128 characters, notes {NOTE_CHARACTERS_MAX}.

**Errors** are problem documents (RFC 9457) with a stable `code`. A field or a query parameter that
is unknown, or that is there twice, is an error; what is wrong with a row of a file comes with its
`line`. Nothing is journaled for a request that gets one.

**Repeating.** With an `Idempotency-Key` a request that changes something may be repeated: the first
answer comes again, marked `Idempotent-Replayed: true`. Another request under the same key is an
error. A 4xx or 503 uses no key. The doors of `identity` take none: what they show once is kept nowhere,
so it cannot be shown again.

**Limits.** Whoever asks too often gets 429 `RATE_LIMITED` with `Retry-After` in seconds; nothing was
done, and the key is still free. Putting a kill and cancelling have no limit. A head has at most
{HEADERS_MAX} lines and {HEAD_BYTES_MAX // 1024} KiB.

**Stream.** `WS /ws` tells what happens; see the tag `stream` and `x-stream` for its messages.
"""

TAGS: list[dict[str, Any]] = [
    {"name": "signal API", "description": "What strategies call."},
    {"name": "instructions", "description": "What somebody asked for, once, and how it went."},
    {"name": "orders", "description": "Single orders: list, change, cancel; the order log."},
    {"name": "positions", "description": "What the books hold, and the strategies that buy."},
    {"name": "clients", "description": "Clients, as the multi-client platform shows them."},
    {"name": "trades", "description": "Its orders and trades: each buy and what became of it."},
    {"name": "tokens", "description": "Its instruments: prices, and who holds them."},
    {"name": "accounts", "description": "Accounts, their cash and their terms."},
    {"name": "groups", "description": "Groups of accounts, and priority lists of instruments."},
    {"name": "limits", "description": "Limits by level, and the settings that decide."},
    {"name": "kill", "description": "Stop new risk."},
    {"name": "changes", "description": "What loosens a bound, and waits for another person."},
    {"name": "day", "description": "The trading day: phases, checklist, calendar."},
    {"name": "reconciliation", "description": "Our books and the brokers', and what differs."},
    {"name": "audit", "description": "Who did what from where."},
    {"name": "alerts", "description": "Who is told what, through which channels."},
    {"name": "profiles", "description": "Who trades which strategy."},
    {"name": "imports", "description": "Clients and opening positions from files."},
    {"name": "instruments", "description": "The instrument master."},
    {"name": "webhooks", "description": "Alerts of other platforms that become instructions."},
    {"name": "identity", "description": "Who somebody is: logins, users, sessions, machine keys."},
    {"name": "credentials", "description": "What logins need at their brokers, sealed."},
    {"name": "health", "description": "For probes and for Prometheus."},
    {"name": stream_description.TAG, "description": stream_description.ABOUT_STREAM},
]


def describe(door: Door) -> dict[str, Any]:
    """What FastAPI is told of a door: all of it, since it sees no types of ours."""
    return {
        "summary": door.summary,
        "description": door.about or None,
        "operation_id": door.handler.__name__,
        "tags": [door.tag],
        "status_code": door.status,
        "response_class": Response,
        "response_model": None,
        "responses": {door.status: _success(door), **_waiting(door), **_problems(door)},
        "openapi_extra": _inputs(door),
    }


def build_document(app: FastAPI, doors: Sequence[Door]) -> dict[str, Any]:
    """The whole document, with the components that the doors refer to."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=TAGS,
    )
    types = [shape for door in doors for shape in (door.body, door.answer) if _has_schema(shape)]
    types += [
        ProblemDocument,
        ChangeWaiting,
        *(row for _, row, _ in stream_description.TOPICS.values()),
    ]
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    bearer = {"type": "http", "scheme": "bearer", "description": ABOUT_BEARER}
    document["components"] = {"schemas": components, "securitySchemes": {SCHEME: bearer}}
    for door in doors:
        if door.answers:
            _show_answers(document["paths"][door.path][door.method.lower()], door)
    document["x-stream"] = stream_description.describe_stream(_REF)
    return document


def build_document_door(document: Callable[[], dict[str, Any]]) -> Door:
    """The door to the document. It is made when it is first asked for, and kept."""

    @cache
    def content() -> bytes:
        return msgspec.json.encode(document())

    async def openapi_document(_: Call) -> Answer:
        """This document."""
        return Answer(200, content())

    return Door("GET", "/openapi.json", openapi_document, "This document", policy=DOCS)


def _show_answers(operation: dict[str, Any], door: Door) -> None:
    # Not by way of FastAPI, which leaves out every field that is null.
    content = operation["responses"][str(door.status)]["content"]["application/json"]
    content["examples"] = {name: {"value": value} for name, value in door.answers.items()}


def _has_schema(shape: Any) -> bool:  # noqa: ANN401
    return shape is not None and shape is not bytes


def _schema(shape: Any) -> dict[str, Any]:  # noqa: ANN401
    if shape is bytes:
        return {"type": "string"}
    (schema,), _ = msgspec.json.schema_components((shape,), ref_template=_REF)
    return schema


def _body_problems(door: Door) -> list[str]:
    codes = [*_BODY_PROBLEMS]
    if _has_numbers(door.body):
        codes += _NUMBER_PROBLEMS
    if door.csv or door.media_type == "text/csv":
        codes += _TABLE_PROBLEMS
    return codes


def _has_numbers(shape: Any) -> bool:  # noqa: ANN401
    """Whether a number that is read exactly stands anywhere in such a body."""
    if shape is bytes:
        return False
    return _EXACT in msgspec.json.encode(
        msgspec.json.schema_components((shape,), ref_template=_REF)
    )


def _success(door: Door) -> dict[str, Any]:
    success: dict[str, Any] = {"description": _first_line(door)}
    if door.answer is not None:
        success["content"] = {"application/json": {"schema": _schema(door.answer)}}
        if door.query is not None and "format" in door.query.__struct_fields__:
            success["content"]["text/csv"] = {"schema": _schema(bytes)}
    else:
        success["content"] = {"text/plain": {"schema": {"type": "string"}}}
    return success


def _waiting(door: Door) -> dict[int | str, dict[str, Any]]:
    if not door.loosens:
        return {}
    content = {"application/json": {"schema": _schema(ChangeWaiting)}}
    return {ACCEPTED: {"description": "It waits for another person.", "content": content}}


def _first_line(door: Door) -> str:
    return (door.handler.__doc__ or door.summary).partition("\n")[0]


def _problems(door: Door) -> dict[int | str, dict[str, Any]]:
    codes = [*door.problems, *_EVERYWHERE]
    if not door.policy.is_public:
        codes += _KNOWN_PROBLEMS
    if door.policy.behind is Behind.REACH and Permission.READ not in door.policy.permissions:
        codes.append("OUT_OF_REACH")
    if door.body is not None:
        codes += _body_problems(door)
    if door.query is not None:
        codes += ("MISSING_FIELD", *_VALUE_PROBLEMS, *_TEXT_PROBLEMS)
    if _PART.search(door.path):
        codes += _TEXT_PROBLEMS
    if door.keyed:
        codes += _KEY_PROBLEMS
    if door.loosens:
        codes.append("TOO_MANY_CHANGES")
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(STATUSES.get(code, 422), []).append(code)
    schema = _schema(ProblemDocument)
    return {
        status: {
            "description": ", ".join(dict.fromkeys(by_status[status])),
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status in sorted(by_status)
    }


def _inputs(door: Door) -> dict[str, Any]:
    parameters = [
        {
            "name": part,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            "example": examples.PARTS[part],
        }
        for part in _PART.findall(door.path)
    ]
    parameters += [*_query(door), *_headers(door)]
    inputs: dict[str, Any] = {"parameters": parameters, "security": _security(door)}
    if door.body is not None:
        shown = {name: {"value": value} for name, value in door.examples.items()}
        content = {door.media_type: {"schema": _schema(door.body), "examples": shown}}
        if door.csv:
            shown = {"as CSV": {"value": door.csv}}
            content["text/csv"] = {"schema": _schema(bytes), "examples": shown}
        inputs["requestBody"] = {"required": not door.body_optional, "content": content}
    return inputs


def _security(door: Door) -> list[dict[str, list[str]]]:
    """Nothing, or what lets one in; nothing as well where a setting may open the door."""
    if door.policy.is_public:
        return []
    needed: list[dict[str, list[str]]] = [{SCHEME: []}]
    return [*needed, {}] if door.policy.opened_by else needed


def _query(door: Door) -> list[dict[str, Any]]:
    if door.query is None:
        return []
    schema = msgspec.json.schema(door.query)["$defs"][door.query.__name__]
    required = schema.get("required", ())
    found = []
    for name, described in schema["properties"].items():
        one = {"name": name, "in": "query", "required": name in required, "schema": described}
        if text := described.get("description"):
            one["description"] = text
        found.append(one)
    return found


def _headers(door: Door) -> list[dict[str, Any]]:
    headers = [_header("X-Request-Id", REQUEST_ID_CHARACTERS_MAX, "Repeated in the answer.")]
    if door.keyed:
        about = "Makes a repeat harmless: visible ASCII characters."
        headers.append(_header("Idempotency-Key", KEY_CHARACTERS_MAX, about))
    return headers


def _header(name: str, most: int, about: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": most}
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": about}
