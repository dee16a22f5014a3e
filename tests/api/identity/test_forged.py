"""Forged and misused tokens, over HTTP: hot doors and ordinary ones answer every one with the same 401."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from phalanx.access.sessions import End
from phalanx.domain.time import MINUTE
from tests.api.identity.rig import (
    ME,
    PASSWORD,
    REFRESH,
    LoginSite,
    Person,
    open_login_site,
    outcome,
)
from tests.fakes.clock import ManualClock
from tests.unit.access.test_tokens import FORGED, Forge

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGNAL = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}
NOBODY = (401, "UNAUTHENTICATED")
OVER = (401, "SESSION_ENDED")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LoginSite]:
    data: Path = tmp_path_factory.mktemp("forged") / "data"
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with open_login_site(data, monkeypatch, ManualClock()) as opened:
            yield opened


async def tried(site: LoginSite, *authorization: bytes) -> set[tuple[int, str]]:
    """What such headers get at a hot door and at ordinary ones; nothing may be journaled."""
    headers = [(b"authorization", value) for value in authorization]
    http = site.at()
    seq = site.system.desk.state.seq
    answers = [
        await http.post("/create_order", json=SIGNAL, headers=headers),
        await http.get("/api/v1/clients", headers=headers),
        await http.get(ME, headers=headers),
        await http.get("/no-such-key-door", headers=headers),
    ]
    assert answers.pop().status_code == 404
    assert site.system.desk.state.seq == seq
    return {outcome(answer) for answer in answers}


async def does_work(site: LoginSite, authorization: bytes) -> bool:
    answer = await site.at().get(ME, headers=[(b"authorization", authorization)])
    return answer.status_code == 200


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_token_opens_no_door(site: LoginSite, how: str) -> None:
    forge = Forge(site.directory)
    token = FORGED[how](forge)

    assert await tried(site, b"Bearer " + token.encode("latin-1")) == {NOBODY}

    assert await does_work(site, b"Bearer " + forge.token.encode())


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
async def test_the_scheme_may_be_in_any_case(site: LoginSite, scheme: str) -> None:
    ann = await site.log_in("ann")

    assert await does_work(site, f"{scheme} {ann.token}".encode())


async def test_a_refresh_token_is_no_access_token(site: LoginSite) -> None:
    ann = await site.log_in("ann")

    assert await tried(site, f"Bearer {ann.refresh}".encode()) == {NOBODY}


async def test_an_access_token_is_no_refresh_token(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    key = await site.key("read")

    for token in (key.token, ann.token[:200]):
        body = {"refresh_token": token}
        assert await site.stranger().refused("POST", REFRESH, body) == NOBODY
    whole = {"refresh_token": ann.token}
    assert await site.stranger().refused("POST", REFRESH, whole) == (422, "TEXT_TOO_LONG")


async def test_a_token_of_a_session_that_was_ended(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    session = (await ann.does("GET", ME))["session"]
    site.directory.sessions.end(session, End.REVOKED)

    assert await tried(site, f"Bearer {ann.token}".encode()) == {OVER}


async def test_a_token_of_a_user_who_was_shut_out(site: LoginSite) -> None:
    cora = await site.log_in("cora")
    site.directory.users.disable("cora")
    try:
        assert await tried(site, f"Bearer {cora.token}".encode()) == {OVER}
    finally:
        site.directory.users.enable("cora")
    assert await tried(site, f"Bearer {cora.token}".encode()) == {OVER}


async def test_a_token_that_is_over(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    site.clock.advance(10 * MINUTE)

    assert await tried(site, f"Bearer {ann.token}".encode()) == {NOBODY}


async def test_a_token_signed_by_a_key_that_is_forgotten(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    retired = Forge(site.directory)
    site.directory.signing.rotate()
    assert await does_work(site, f"Bearer {ann.token}".encode()), "until the last one is over"
    site.clock.advance(11 * MINUTE)
    site.directory.tidy()

    now_s = site.clock.now() // 1_000_000_000
    forged = retired.claiming(iat=now_s, nbf=now_s, exp=now_s + 600)

    assert await tried(site, f"Bearer {forged}".encode()) == {NOBODY}


async def test_a_machine_key_with_any_character_changed(site: LoginSite) -> None:
    program = await site.key("read", "trade")
    token = program.token

    for at in range(len(token)):
        other = "A" if token[at] != "A" else "B"
        changed = f"{token[:at]}{other}{token[at + 1 :]}"
        answer = await site.at().get(ME, headers={"authorization": f"Bearer {changed}"})
        assert outcome(answer) == NOBODY, at
    assert await does_work(site, f"Bearer {token}".encode())


async def test_a_machine_key_that_is_over(site: LoginSite) -> None:
    program = await site.key("read", "trade", expires_days=1)
    assert await does_work(site, f"Bearer {program.token}".encode())
    site.clock.advance(24 * 60 * MINUTE)

    assert await tried(site, f"Bearer {program.token}".encode()) == {NOBODY}


@pytest.mark.parametrize(
    "form",
    [
        "Basic {key}",
        "{key}",
        "Bearer  {key}",
        "Bearer\t{key}",
        "Bearer {key} ",
        "Bearer {key}, Bearer {key}",
        "Bearer {key},{access}",
        "Bearer {key}\x00",
        "Token {access}",
        "Bearer: {access}",
        'Digest username="root", response="{access}"',
    ],
)
async def test_a_good_token_in_another_form(site: LoginSite, form: str) -> None:
    access, key = (await site.log_in("ann")).token, (await site.key("read", "trade")).token

    header = form.format(key=key, access=access).encode("latin-1")

    assert await tried(site, header) == {NOBODY}


async def test_two_headers_are_none(site: LoginSite) -> None:
    key = f"Bearer {(await site.key('read', 'trade')).token}".encode()
    ann = f"Bearer {(await site.log_in('ann')).token}".encode()

    for pair in ((key, key), (ann, key), (ann, b""), (b"", ann)):
        assert await tried(site, *pair) == {NOBODY}


async def test_a_token_anywhere_but_in_its_header_opens_nothing(site: LoginSite) -> None:
    program = await site.key("read", "trade")
    token = program.token
    places: list[tuple[str, dict[str, str]]] = [
        (f"{name}={token}", {}) for name in ("token", "access_token", "key", "api_key", "ticket")
    ]
    names = ("x-api-key", "x-auth-token", "proxy-authorization", "x-forwarded-user", "cookie")
    places += [("", {name: f"Bearer {token}"}) for name in names]

    for query, headers in places:
        answer: httpx.Response = await site.at().get(f"{ME}?{query}", headers=headers)
        assert outcome(answer) == NOBODY
        assert token not in answer.text
    body = {"refresh_token": token, "user": "root", "password": PASSWORD}
    assert (await Person(site.at()).ask("POST", "/create_order", body)).status_code == 401
