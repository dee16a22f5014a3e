"""The whole OpenAPI document against a real server, by schemathesis: with an admin's login, and without one.

Whatever comes, no door answers 500, a status that the document does not say, or another kind of body or
another shape of it than the document says for that status. Of schemathesis' own checks these are left out:

- ``not_a_server_error`` takes 503 for a defect. Here it is an answer that the document says (a store that is
  not there, a key that was not given), and 500 is looked for.
- ``positive_data_acceptance`` and ``negative_data_rejection`` take a schema for all there is to a request.
  Whether an instrument is known is none of a schema's business, and numbers come as texts as well.
- ``unsupported_method`` sends requests of its own. Those are walked in ``test_every_door.py``.
- ``ignored_auth`` does so too; here every door that needs a login is asked without one.
"""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case as AnyCase
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from phalanx.access.errors import AccessError
from phalanx.api import examples
from phalanx.api.catalogue import DOORS
from phalanx.api.exchange import Door
from phalanx.api.front import Front
from phalanx.api.hooks.examples import SOURCE
from phalanx.api.reference_examples import GROUP, PRIORITY_LIST
from tests.api.access.conftest import Books, fill_books, open_secured

Case: TypeAlias = AnyCase[Any]

EXAMPLES: Final = int(os.environ.get("PHALANX_FUZZ_EXAMPLES", "12"))
"""So many requests of an admin to each door, and a third of them of nobody."""
CHECKS: Final = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
HOST: Final = "http://127.0.0.1"
ADMIN: Final = "admin"
NOT_OURS: Final = {"authorization", "user-agent", "content-length"}
HOOK: Final = examples.PARTS["source"]
SCANNER: Final = "scanner"
"""A source whose alerts have the secret in their address."""


class Asked:
    """A server with a loop of its own, which runs while somebody waits for an answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, books: Books, secret: str) -> None:
        self._loop = loop
        self._books = books
        self._admin = ""
        self.parts = _parts_of(books)
        self.parts["secret"].append(secret)

    def admin(self) -> str:
        """What an admin says of themselves; another login where the last one has ended, as some doors do."""
        directory = self._books.system.access.directory
        try:
            directory.principal_of(self._admin.encode())
        except AccessError:
            self._admin = self._books.login(ADMIN)
        return self._admin

    def restore(self) -> None:
        """Make again what a door before this one may have taken away."""
        self._books.authorization[ADMIN] = self.admin()
        self._loop.run_until_complete(_make(self._books))

    def answer(self, case: Case, authorization: str | None) -> httpx.Response:
        """What a request is answered, as it was generated but for who asks."""
        said = case.as_transport_kwargs(base_url=HOST)
        headers = _headers(said["headers"], authorization)
        content = said.get("data", b"")
        if "json" in said:
            # Not by httpx, which sends no NaN.
            content = json.dumps(said["json"]).encode()
        sent = self._books.http.request(
            said["method"], said["url"], params=said["params"], headers=headers, content=content
        )
        return self._loop.run_until_complete(sent)


def _headers(said: Mapping[str, str], authorization: str | None) -> list[tuple[bytes, bytes]]:
    kept = [
        (name.encode("latin-1"), str(value).encode("latin-1", "replace"))
        for name, value in said.items()
        if name.lower() not in NOT_OURS
    ]
    return kept if authorization is None else [*kept, (b"authorization", authorization.encode())]


def _parts_of(books: Books) -> dict[str, list[str]]:
    """For each part of a path something that there is, and what is in the document."""
    anns = books.ids["ann"]
    sessions = books.system.access.directory.sessions.list()
    keys = books.system.access.directory.keys.list()
    there = {
        "account": [anns["account"]],
        "account_id": [anns["account"]],
        "client_id": [anns["client"]],
        "instruction_id": [anns["instruction"], anns["signal"], books.shared],
        "key_id": [keys[0].id],
        "level": ["broker", "client", "global", "strategy"],
        "name": ["viewer", "trader", "1", "paper"],
        "order_id": [anns["order"], anns["trade"]],
        "source": [SCANNER],
        "session_id": [sessions[0].id],
        "strategy": [anns["strategy"]],
        "trade_id": [anns["trade"], anns["order"]],
    }
    return {part: [known, *there.get(part, [])] for part, known in examples.PARTS.items()}


async def _make(books: Books) -> None:
    """What doors may have taken away: what the document's paths name."""
    signed, addressed = SOURCE.values()
    made = (
        ("POST", "/api/v1/profiles", examples.PROFILES["two users"]),
        ("PUT", f"/api/v1/hooks/{HOOK}", signed),
        ("PUT", f"/api/v1/hooks/{SCANNER}", addressed),
        ("PUT", "/api/v1/groups/core", next(iter(GROUP.values()))),
        ("PUT", "/api/v1/priority-lists/core", next(iter(PRIORITY_LIST.values()))),
    )
    for method, path, body in made:
        answer = await books.ask(ADMIN, method, path, body)
        assert answer.status_code in {200, 202}, answer.text


async def _open(stack: AsyncExitStack, data: Path) -> tuple[Books, str]:
    """The server, and the secret in the address of a source."""
    books = await fill_books(await stack.enter_async_context(open_secured(data)))
    await _make(books)
    answer = await books.ask(ADMIN, "POST", f"/api/v1/hooks/{SCANNER}/secret")
    assert answer.status_code == 200, answer.text
    return books, answer.json()["secret"]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """One server for all doors of a worker. What one request does to it, the next ones find."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        stack = AsyncExitStack()
        try:
            opened = loop.run_until_complete(
                _open(stack, tmp_path_factory.mktemp("schemathesis") / "data")
            )
            yield Asked(loop, *opened)
        finally:
            loop.run_until_complete(stack.aclose())


@cache
def document() -> Any:  # noqa: ANN401  schemathesis' types are private
    """The document as schemathesis reads it; made once, and by those only who run this."""
    return schemathesis.openapi.from_dict(Front(DOORS).ordinary.openapi())


def cases(door: Door) -> st.SearchStrategy[Case]:
    """Requests as the document says, as it does not say, and its examples."""
    operation = document()[door.path][door.method]
    kinds = [operation.as_strategy(mode) for mode in GenerationMode]
    shown = operation.get_strategies_from_examples()
    return st.one_of(*kinds, st.one_of(*shown)) if shown else st.one_of(*kinds)


def check(door: Door, case: Case, answer: httpx.Response) -> None:
    """An answer is as the document says."""
    assert answer.status_code != 500, answer.text
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400:
        problem = answer.json()
        assert problem["status"] == answer.status_code
        said = document()[door.path][door.method].definition.raw["responses"]
        codes = said[str(answer.status_code)]["description"].split(", ")
        assert problem["code"] in codes, problem
        assert problem["request_id"] == answer.headers["x-request-id"]
    else:
        assert answer.status_code in {door.status, 202}


def bounded(examples_max: int) -> settings:
    """Without shrinking: a server remembers, and the same request again is another one."""
    return settings(
        max_examples=max(1, examples_max),
        phases=(Phase.generate,),
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def named(door: Door) -> str:
    return f"{door.method} {door.path}"


@pytest.mark.parametrize("door", DOORS, ids=named)
def test_an_admin_is_answered_as_the_document_says(asked: Asked, door: Door) -> None:
    @bounded(EXAMPLES)
    @given(cases(door), st.data())
    def ask(case: Case, data: st.DataObject) -> None:
        for part in case.path_parameters:
            # Mostly what there is: a made-up name ends every request at the same place.
            if part in asked.parts and data.draw(st.integers(0, 3), label="known"):
                case.path_parameters[part] = data.draw(st.sampled_from(asked.parts[part]))
        check(door, case, asked.answer(case, asked.admin()))

    asked.restore()
    ask()


@pytest.mark.parametrize("door", DOORS, ids=named)
def test_nobody_is_answered_as_the_document_says(asked: Asked, door: Door) -> None:
    @bounded(EXAMPLES // 3)
    @given(cases(door), st.sampled_from((None, "Bearer made-up", "Basic YTpi")))
    def ask(case: Case, authorization: str | None) -> None:
        answer = asked.answer(case, authorization)
        check(door, case, answer)
        if not door.policy.is_public:
            assert answer.status_code == 401, answer.text

    ask()
