"""Every door of the catalogue for everybody: who is not to come through does not, and who is, does.

Requests are such that no door could do anything with them: who is let in is told what is wrong with it.
"""

import asyncio
import re
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from phalanx.api import examples
from phalanx.api.catalogue import DOORS
from phalanx.api.direct import Application
from phalanx.api.exchange import Door
from phalanx.api.policy import Behind
from phalanx.domain.access import Permission
from tests.api.access.conftest import KEYS, LIMITED, OVER, USERS, P, Secured, open_secured
from tests.api.conftest import happened

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAY = {
    "admin": set(Permission),
    "trader": {P.READ, P.TRADE, P.STOP, P.APPROVE},
    "viewer": {P.READ},
    "ann-looks": {P.READ},
    "ann": {P.READ, P.TRADE},
    "bob": {P.READ, P.TRADE},
    **{name: set(scopes) for name, (scopes, _) in KEYS.items()},
}
"""What each of them may do, as DESIGN says."""
EVERYBODY = (*USERS, *KEYS, *OVER)
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_PART = re.compile(r"\{(\w+)\}")
NONSENSE = b"{"


def expected(door: Door, who: str) -> int:
    """How somebody is turned away at a door; 0: they are let in."""
    policy = door.policy
    if policy.is_public:
        return 0
    if who in OVER:
        return HTTPStatus.UNAUTHORIZED
    if policy.permissions and not policy.permissions & MAY[who]:
        return HTTPStatus.FORBIDDEN
    is_kept = policy.behind is Behind.ALL and who in LIMITED
    return HTTPStatus.FORBIDDEN if is_kept else 0


def path_of(door: Door) -> str:
    return _PART.sub(lambda part: examples.PARTS[part.group(1)], door.path)


@pytest.mark.parametrize("who", EVERYBODY)
async def test_every_door_lets_in_whom_its_policy_says(secured: Secured, who: str) -> None:
    before = secured.system.desk.state.seq
    wrong = []
    for door in DOORS:
        headers = {"content-type": door.media_type, **secured.as_(who)}
        content = b"" if door.method == "GET" else NONSENSE
        answer = await secured.http.request(
            door.method, f"{path_of(door)}?surplus=1", content=content, headers=headers
        )
        got = answer.status_code if answer.status_code in REFUSED else 0
        if got != expected(door, who):
            wrong.append((door.method, door.path, answer.status_code, answer.text))
    assert wrong == []
    assert await happened(secured.system, before) == []


class Taken:
    """A request that the front was offered, whole."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def whole_body(self) -> bytes | None:
        return NONSENSE

    def answer(self, status: int, _headers: Sequence[tuple[bytes, bytes]], _body: bytes) -> bool:
        self.answered.set_result(status)
        return True


HOT = [door for door in DOORS if door.hot]


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("door", HOT, ids=lambda door: door.path)
async def test_the_short_way_in_asks_who_somebody_is_too(
    secured: Secured, door: Door, who: str
) -> None:
    taken = Taken()
    said = secured.as_(who).get("authorization")
    headers = [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")]
    headers += [(b"authorization", said.encode())] if said is not None else []
    scope = {
        "type": "http",
        "method": door.method,
        "path": door.path,
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "headers": headers,
        "extensions": {"phalanx.direct": {"request": taken}},
    }
    serving: list[asyncio.Task[None]] = []

    async def nothing(*_: object) -> Any:  # noqa: ANN401  ASGI
        raise AssertionError("everything was there")

    def begin(application: Application) -> None:
        serving.append(asyncio.ensure_future(application(scope, nothing, nothing)))

    if not secured.app.take(scope, taken, begin):
        begin(secured.app)
    status = await taken.answered
    assert (status if status in REFUSED else 0) == expected(door, who)


async def test_what_a_setting_opens_is_closed_without_it(tmp_path: Path) -> None:
    async with open_secured(tmp_path / "data", docs_open=False, metrics_open=False) as site:
        for path, lets_in in (
            ("/docs", "ann"),
            ("/openapi.json", "ann"),
            ("/metrics", "key-metrics"),
        ):
            refused = await site.ask("nobody", "GET", path)
            assert refused.status_code == HTTPStatus.UNAUTHORIZED
            assert refused.headers["www-authenticate"].startswith("Bearer")
            assert (await site.ask(lets_in, "GET", path)).status_code == HTTPStatus.OK
        assert (await site.ask("ann", "GET", "/metrics")).status_code == HTTPStatus.FORBIDDEN
