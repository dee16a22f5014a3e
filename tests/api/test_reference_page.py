"""``/docs`` as a browser meets it: complete, quiet, escaped, and held to it by its policy."""

import json
import re
import shlex
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from msgspec import convert

from phalanx.api import create_app, examples
from phalanx.api.catalogue import DOORS
from phalanx.api.reference_page import BASE, render
from phalanx.api.stream_description import CLOSES, MESSAGES, TOPICS
from tests.api.conftest import Site

DOCUMENT: dict[str, Any] = create_app().ordinary.openapi()
PAGE = render(DOCUMENT)
VOID = {"meta", "wbr"}


class Seen(HTMLParser):
    """What a page consists of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.literals: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if "pre" in self._open:
            self.literals.append(data)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.elements}

    def values(self, attribute: str) -> list[str]:
        return [value for _, found in self.elements if (value := found.get(attribute))]


SEEN = Seen(PAGE)
TEXT = "".join(SEEN.texts)


def test_every_door_is_on_it() -> None:
    anchors = SEEN.values("id")

    for door in DOORS:
        assert door.handler.__name__ in anchors
        assert f"{door.method} {door.path}" in TEXT
        assert door.summary in TEXT
        for code in door.problems:
            assert code in TEXT


def test_every_example_is_on_it_with_a_line_for_the_shell() -> None:
    lines = [shlex.split(text) for text in SEEN.literals if text.startswith("curl ")]
    sent = [words[-1] for words in lines if "-d" in words]

    for door in DOORS:
        for example in door.examples.values():
            if door.media_type == "application/json":
                assert example in map(json.loads, sent)
                assert json.dumps(example, indent=2) in SEEN.literals
    assert all(word not in text for text in SEEN.literals for word in ("{order_id}", "{client"))
    assert all([word for word in words if word.startswith(f"{BASE}/")] for words in lines)
    assert len(lines) >= len(DOORS)


def test_the_stream_is_on_it() -> None:
    for name, (key, row, about) in TOPICS.items():
        assert all(text in TEXT for text in (name, key, row.__name__, about))
    for code, reason, about in CLOSES:
        assert all(text in TEXT for text in (str(code), reason, about))
    for message in MESSAGES.values():
        assert json.dumps(message, indent=2) in SEEN.literals


def test_it_asks_nobody_for_anything() -> None:
    assert not SEEN.names & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not any(name.startswith("on") or name in {"src", "style", "srcset"}
                   for _, found in SEEN.elements for name in found)  # fmt: skip
    named = {"ntfys://phalanx-desk-7f3a91", "https://alerts.example.com"}
    found = {one.partition("&")[0] for one in re.findall(r"\w+://[^/'\s<]+", PAGE)}
    assert found - named == {BASE}
    assert "url(" not in PAGE
    assert "@import" not in PAGE


def test_every_link_leads_somewhere() -> None:
    anchors = SEEN.values("id")

    assert len(set(anchors)) == len(anchors)
    assert set(SEEN.values("href")) - {f"#{anchor}" for anchor in anchors} == {"/openapi.json"}


def infected(part: Any, key: str = "") -> Any:  # noqa: ANN401  JSON
    """The document with markup in every text that is only shown."""
    if isinstance(part, dict):
        return {name: infected(value, name) for name, value in part.items()}
    if isinstance(part, list):
        return [infected(value, key) for value in part]
    shown = isinstance(part, str) and key in {
        *("title", "version", "description", "summary", "example", "reason", "key", "enum"),
        *("default", "POSITION", "note", "message", "client"),
    }
    return f"{part}</pre><x-bad onload='1'>&amp;\"" if shown else part


def test_everything_is_escaped() -> None:
    page = Seen(render(infected(DOCUMENT)))

    assert page.names == SEEN.names
    assert not [found for _, found in page.elements if "onload" in found]
    assert "".join(page.texts).count("<x-bad onload='1'>&amp;\"") > 100


async def test_it_is_served_under_a_strict_policy(site: Site) -> None:
    page = await site.http.get("/docs")

    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["x-request-id"]


async def test_head_says_the_same(site: Site) -> None:
    page = await site.http.get("/docs")
    head = await site.http.head("/docs")

    assert head.status_code == 200
    named = ("content-type", "content-length", "content-security-policy")
    assert [head.headers[name] for name in named] == [page.headers[name] for name in named]


async def test_other_methods_and_the_framework_s_own_pages_are_not_there(site: Site) -> None:
    posted = await site.send("POST", "/docs", {})
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
    for path in ("/redoc", "/docs/oauth2-redirect"):
        assert (await site.http.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("localhost:9000", "http://localhost:9000"),
        ("[::1]:81", "http://[::1]:81"),
        ("a'$(id)<b>", BASE),
    ],
)
async def test_lines_for_the_shell_name_this_server(site: Site, host: str, base: str) -> None:
    page = await site.http.get("/docs", headers={"host": host})

    assert f"{base}/create_order" in page.text
    assert "$(id)" not in page.text


async def test_another_name_is_not_served(site: Site) -> None:
    page = await site.http.get("/docs", headers={"host": "rebound.example.com"})

    assert (page.status_code, page.json()["code"]) == (403, "HOST_NOT_ALLOWED")


async def test_it_is_there_before_the_system() -> None:
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        assert (await http.get("/docs")).status_code == 200


def test_the_stream_s_messages_are_of_its_shapes() -> None:
    for message in MESSAGES.values():
        _, row, _ = TOPICS[message["topic"]]
        assert message["items"] == [
            {name: getattr(convert(item, row, strict=True), name) for name in row.__struct_fields__}
            for item in message["items"]
        ]


async def test_the_stream_s_topics_are_these(site: Site) -> None:
    assert list(site.system.desk.stream.topics) == list(TOPICS)


def without_ids(part: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(part, dict):
        return {
            k: without_ids(v)
            for k, v in part.items()
            if k not in {"order_id", "instruction_id", "token", "expires_at"}
        }
    return [without_ids(value) for value in part] if isinstance(part, list) else part


async def test_the_answers_shown_are_what_a_server_says(site: Site) -> None:
    await site.profiles(examples.PROFILES["two users"])
    order = examples.INSTRUCTIONS["limit order"] | {"client": 1}
    previewed = await site.send("POST", "/api/v1/instructions/preview", order)
    accepted = await site.signal("STRATEGY_B", "MINDA", "BUY")
    rejected = await site.signal("STRATEGY_A", "GRASIM", "SELL")
    instruction = await site.send("POST", "/api/v1/instructions", order)
    body = {"STRATEGY": "STRATEGY_A", "INSTRUMENT": 2885, "POSITION": "HOLD"}
    named = {"x-request-id": examples.PROBLEM["request_id"]}
    problem = await site.http.post("/create_order", json=body, headers=named)

    shown = examples.CREATE_ORDER_ANSWERS
    assert without_ids([accepted, rejected]) == without_ids([shown["ACCEPTED"], shown["REJECTED"]])
    assert instruction.status_code == 202
    assert without_ids(instruction.json()) == without_ids(
        examples.INSTRUCTION_ANSWERS["limit order"]
    )
    shown = examples.PREVIEW_ANSWERS["limit order"]
    assert previewed.status_code == 200
    assert without_ids(previewed.json()) == without_ids(shown)
    assert problem.json() == examples.PROBLEM


@pytest.mark.parametrize(
    "door", [door for door in DOORS if door.answers], ids=lambda d: f"{d.method} {d.path}"
)
def test_an_answer_is_shown_with_its_nulls(door: Any) -> None:  # noqa: ANN401
    operation = DOCUMENT["paths"][door.path][door.method.lower()]
    content = operation["responses"][str(door.status)]["content"]["application/json"]

    assert content["examples"] == {name: {"value": one} for name, one in door.answers.items()}
    for one in door.answers.values():
        assert convert(one, door.answer)
