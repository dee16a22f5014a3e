"""Sessions: one's own, and for admins everybody's."""

import pytest

from tests.api.identity.rig import AWAY, ME, REFRESH, LoginSite, Person

PATH = "/api/v1/sessions"


async def session_of(person: Person) -> str:
    found: str = (await person.does("GET", ME))["session"]
    return found


async def test_people_see_their_own_sessions(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    site.clock.advance(1_000_000)
    other = await site.log_in("ann", address=AWAY)

    found = await ann.does("GET", PATH)

    assert found["total"] == 2
    assert [(one["user"], one["address"], one["current"]) for one in found["items"]] == [
        ("ann", AWAY, False),
        ("ann", "127.0.0.1", True),
    ]
    assert [one["session"] for one in found["items"]] == [
        await session_of(other),
        await session_of(ann),
    ]
    assert await ann.does("GET", f"{PATH}?user=ANN") == found
    assert [one["user"] for one in (await ann.does("GET", f"{PATH}?skip=1&limit=1"))["items"]] == [
        "ann"
    ]


async def test_an_admin_sees_everybody_s(site: LoginSite) -> None:
    await site.log_in("ann")
    root = await site.log_in("root")

    assert {one["user"] for one in (await root.does("GET", f"{PATH}?user=*"))["items"]} == {
        "ann",
        "root",
    }
    assert {one["user"] for one in (await root.does("GET", f"{PATH}?user=Ann"))["items"]} == {"ann"}
    assert {one["user"] for one in (await root.does("GET", PATH))["items"]} == {"root"}
    nobody = await root.refused("GET", f"{PATH}?user=nobody-here")
    assert nobody == (404, "NO_SUCH_USER")


async def test_people_end_their_own_session(site: LoginSite) -> None:
    ann, other = await site.log_in("ann"), await site.log_in("ann")
    session = await session_of(other)
    site.heard.taken()

    assert await ann.does("DELETE", f"{PATH}/{session}") == {"session": session, "ended": True}

    assert await other.refused("GET", ME) == (401, "SESSION_ENDED")
    assert await other.refused("POST", REFRESH, {"refresh_token": other.refresh}) == (
        401,
        "SESSION_ENDED",
    )
    assert site.heard.taken() == [("session_ended", "ann", "ann")]
    assert await ann.refused("DELETE", f"{PATH}/{session}") == (404, "NO_SUCH_SESSION")


@pytest.mark.parametrize("name", ["ann", "cora"])
async def test_the_session_of_somebody_else_is_answered_as_one_that_is_not(
    site: LoginSite, name: str
) -> None:
    root, person = await site.log_in("root"), await site.log_in(name)
    theirs = await session_of(root)
    site.heard.taken()

    there = await person.ask("DELETE", f"{PATH}/{theirs}", x_request_id="same")
    not_there = await person.ask("DELETE", f"{PATH}/{'0' * 32}", x_request_id="same")

    assert (there.status_code, there.json()["code"]) == (404, "NO_SUCH_SESSION")
    assert there.content == not_there.content
    assert (await root.does("GET", ME))["name"] == "root"
    assert site.heard.taken() == []


async def test_an_admin_ends_any(site: LoginSite) -> None:
    ann, root = await site.log_in("ann"), await site.log_in("root")
    session = await session_of(ann)
    site.heard.taken()

    await root.does("DELETE", f"{PATH}/{session}")

    assert await ann.refused("GET", ME) == (401, "SESSION_ENDED")
    assert site.heard.taken() == [("session_ended", "ann", "root")]
    assert site.heard.details[-1] == f"session {session}"
