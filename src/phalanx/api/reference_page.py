"""``/docs``: the OpenAPI document as one page of plain HTML.

It loads nothing from anywhere and runs no script, so it works without internet and lets nobody's
code onto the origin that trades. Its Content-Security-Policy holds it to that.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from shlex import quote
from typing import Any, TypeAlias
from urllib.parse import quote as percent

from phalanx.api import examples, reference_schemas
from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.markup import Html, block, code, element, inline, join, prose, separated
from phalanx.api.peers import is_secure
from phalanx.api.policy import DOCS
from phalanx.api.reference_schemas import name_of, shape, table, type_of
from phalanx.api.reference_style import STYLE
from phalanx.api.stream_description import TAG as STREAM

Document: TypeAlias = dict[str, Any]

PATH = "/docs"
BASE = "http://127.0.0.1:8080"
"""Where curl lines point when the caller does not say what it calls this server."""
_HOST = re.compile(rb"[A-Za-z0-9.:\[\]-]{1,255}")
_PROBLEM_JSON = "application/problem+json"
_STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode("ascii")
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'".encode("ascii"),
    ),
    (b"cache-control", b"no-cache"),
)


def build_reference_page(document: Callable[[], Document]) -> Door:
    """The door to the page. It is made when it is first asked for, and kept."""

    @cache
    def page() -> str:
        return render(document())

    async def reference_page(call: Call) -> Answer:
        """The page, with the caller's own name for this server in its curl lines."""
        content = page().replace(BASE, _base(call)).encode()
        return Answer(200, content, HEADERS, b"text/html; charset=utf-8")

    return Door("GET", PATH, reference_page, "This page", policy=DOCS)


def _base(call: Call) -> str:
    host = call.head.host
    if _HOST.fullmatch(host) is None:
        return BASE
    scheme = "https" if is_secure(call.scope) else "http"
    return f"{scheme}://{host.decode('ascii')}"


def render(document: Document) -> str:
    """The whole page."""
    info = document["info"]
    title = f"{info['title']} API {info['version']}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(STYLE)),
    )
    main = element(
        "main",
        element("h1", title),
        prose(info["description"]),
        _paragraph("The same for programs: ", element("a", "/openapi.json", href="/openapi.json")),
        *(_section(document, tag) for tag in document["tags"]),
        _problem_section(document),
        _shape_section(document),
        id="top",
    )
    body = element("body", _contents(document), main)
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _operations(document: Document, tag: str) -> Iterable[tuple[str, str, Document]]:
    """The doors under a tag: method, path, operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _contents(document: Document) -> Html:
    groups = [
        _group(
            tag["name"],
            [
                element(
                    "li",
                    element(
                        "a",
                        *(_method(method), " ", _path(path)),
                        href=f"#{operation['operationId']}",
                        title=operation["summary"],
                    ),
                )
                for method, path, operation in _operations(document, tag["name"])
            ],
        )
        for tag in document["tags"]
    ]
    groups += [_group("problems", []), _group("shapes", [])]
    top = element("a", "Phalanx API", href="#top", class_="home")
    return element("nav", top, element("ul", *groups), aria_label="Contents")


def _group(name: str, doors: list[Html]) -> Html:
    link = element("a", name, href=f"#{_anchor(name)}", class_="group")
    return element("li", link, element("ul", *doors) if doors else "")


def _anchor(tag: str) -> str:
    return f"tag-{tag.replace(' ', '-')}"


def _method(method: str) -> Html:
    return element("span", method, class_=f"method {method.lower()}")


def _path(path: str) -> Html:
    """A path that may be broken after a slash."""
    first, *parts = path.split("/")
    return element("code", first, *(join("/", element("wbr"), part) for part in parts))


def _paragraph(*parts: str, class_: str = "") -> Html:
    return element("p", *parts, class_=class_)


def _section(document: Document, tag: Document) -> Html:
    doors = [_door(document, *found) for found in _operations(document, tag["name"])]
    stream = _stream(document["x-stream"]) if tag["name"] == STREAM else ""
    title = element("h2", tag["name"])
    about = prose(tag["description"])
    return element("section", title, about, *doors, stream, id=_anchor(tag["name"]))


def _door(document: Document, method: str, path: str, operation: Document) -> Html:
    anchor = operation["operationId"]
    title = element("a", _method(method), " ", code(path), href=f"#{anchor}")
    parameters = operation.get("parameters", [])
    request = _request(document, method, path, operation)
    return element(
        "article",
        element("h3", title),
        _paragraph(inline(operation["summary"]), class_="summary"),
        prose(operation.get("description", "")),
        *([element("h4", "Parameters")] if parameters else []),
        reference_schemas.parameters(parameters),
        request,
        element("h4", "Answer"),
        *(
            _answer(document, status, answer)
            for status, answer in operation["responses"].items()
            if _PROBLEM_JSON not in answer["content"]
        ),
        _problems(operation["responses"]),
        id=anchor,
    )


def _request(document: Document, method: str, path: str, operation: Document) -> Html:
    body = operation.get("requestBody")
    if body is None:
        return join(element("h4", "Request"), block(_curl(method, path, operation)))
    parts: list[Html] = []
    need = "must be there" if body["required"] else "may be left out"
    for media_type, content in body["content"].items():
        kind = _paragraph(code(media_type), ": ", type_of(content["schema"]), f". A body {need}.")
        shapes = _shapes(document, content["schema"])
        shown = [
            element(
                "details",
                element("summary", f"Example: {name}"),
                block(_pretty(example["value"])),
                block(_curl(method, path, operation, media_type, example["value"])),
                open="open" if number == 0 else "",
            )
            for number, (name, example) in enumerate(content["examples"].items())
        ]
        parts += [kind, *shapes, *shown]
    return join(element("h4", "Request"), *parts)


def _shapes(document: Document, schema: Document) -> list[Html]:
    """The fields of what a body is or may be."""
    names = [
        name_of(one["$ref"]) for one in reference_schemas.alternatives(schema) if "$ref" in one
    ]
    known = document["components"]["schemas"]
    titled = len(names) > 1
    return [join(element("h5", name) if titled else Html(), shape(known[name])) for name in names]


def _answer(document: Document, status: str, answer: Document) -> Html:
    parts: list[Html] = []
    for media_type, content in answer["content"].items():
        kind = type_of(content["schema"])
        parts.append(
            _paragraph(
                element("strong", status),
                " ",
                inline(answer["description"]),
                " ",
                code(media_type),
                ": ",
                kind,
            )
        )
        if shapes := _shapes(document, content["schema"]):
            parts.append(element("details", element("summary", "Fields"), *shapes))
        parts += [
            element("details", element("summary", f"Example: {name}"), block(_pretty(one["value"])))
            for name, one in content.get("examples", {}).items()
        ]
    return join(*parts)


def _problems(responses: Document) -> Html:
    rows = [
        [element("strong", status), separated([code(c) for c in _codes(answer)], " ")]
        for status, answer in responses.items()
        if _PROBLEM_JSON in answer["content"]
    ]
    return element("details", element("summary", "Problems"), table(["Status", "Codes"], rows))


def _codes(answer: Document) -> list[str]:
    codes: list[str] = answer["description"].split(", ")
    return codes


def _pretty(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _curl(
    method: str, path: str, operation: Document, media_type: str = "", value: object = None
) -> str:
    """A line that can be pasted into a shell."""
    for one in operation.get("parameters", []):
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", percent(one["example"], safe=""))
    # Quoted whatever it is: the host may be an address in brackets.
    line = f"curl {'' if method == 'GET' else f'-X {method} '}'{BASE}{path}'"
    if not media_type:
        return line
    line += f" \\\n  -H 'content-type: {media_type}'"
    if isinstance(value, str):
        return f"{line} \\\n  --data-binary {quote(value)}"
    return f"{line} \\\n  -d {quote(json.dumps(value, ensure_ascii=False))}"


def _stream(stream: Document) -> Html:
    topics = [
        [
            code(topic["name"]),
            code(topic["key"]),
            type_of(topic["items"]),
            inline(topic["description"]),
        ]
        for topic in stream["topics"]
    ]
    closes = [
        [element("strong", str(one["code"])), code(one["reason"]), inline(one["description"])]
        for one in stream["closes"]
    ]
    return join(
        element("h4", "Topics"),
        table(["Topic", "Key of a row", "Row", "What it shows"], topics),
        element("h4", "Messages"),
        *(
            element(
                "details",
                element("summary", f"Example: {name}"),
                block(_pretty(value)),
                open="open",
            )
            for name, value in stream["examples"].items()
        ),
        element("h4", "Close codes"),
        table(["Code", "Reason", "When"], closes),
    )


def _problem_section(document: Document) -> Html:
    """Every code there is, with its status: the sum of what the doors say."""
    found: dict[str, dict[str, None]] = {}
    for item in document["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if _PROBLEM_JSON in answer["content"]:
                    found.setdefault(status, {}).update(dict.fromkeys(_codes(answer)))
    rows = [
        [element("strong", status), separated([code(one) for one in sorted(found[status])], " ")]
        for status in sorted(found)
    ]
    return element(
        "section",
        element("h2", "problems"),
        _paragraph(
            "Every answer that is not a success is ",
            code(_PROBLEM_JSON),
            ". Programs look at ",
            code("code"),
            "; the sentence in ",
            code("detail"),
            " is for people and may change.",
        ),
        block(_pretty(examples.PROBLEM)),
        shape(document["components"]["schemas"]["ProblemDocument"]),
        element("h3", "All codes"),
        table(["Status", "Codes"], rows),
        id=_anchor("problems"),
    )


def _shape_section(document: Document) -> Html:
    shapes = [
        element("article", element("h3", code(name)), shape(schema), id=f"shape-{name}")
        for name, schema in sorted(document["components"]["schemas"].items())
    ]
    about = _paragraph("What is sent and answered, by name.")
    return element("section", element("h2", "shapes"), about, *shapes, id=_anchor("shapes"))
