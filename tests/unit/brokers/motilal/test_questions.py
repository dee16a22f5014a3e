from collections.abc import AsyncIterator

import msgspec
import pytest

from phalanx.brokers.motilal.questions import HttpPost, broker_time
from phalanx.brokers.wire import Dialer, parse_address
from phalanx.domain.time import SECOND
from tests.fakes.wire_peer import CA, server_context
from tests.unit.brokers.motilal.order_door import OrderDoor
from tests.unit.brokers.motilal.samples import SETTINGS


@pytest.fixture
async def door() -> AsyncIterator[OrderDoor]:
    door = OrderDoor()
    await door.start()
    yield door
    await door.close()


def post_to(door: OrderDoor, source: str = "", *, tls: bool = False) -> HttpPost:
    rest = f"http{'s' if tls else ''}://localhost:{door.port}"
    settings = msgspec.structs.replace(SETTINGS, rest=rest, source=source, ca=CA if tls else None)
    return HttpPost(settings, Dialer(parse_address(rest), source, settings.ca))


async def test_a_question_is_a_post_of_json_with_its_headers(door: OrderDoor) -> None:
    door.answers["/x"] = [(200, b'{"a":1}')]
    door.date = "Fri, 20 Nov 2026 03:30:00 GMT"
    post = post_to(door)

    found = await post.post("/x", {"ApiKey": "k"}, b"{}")

    assert (found.status, found.body) == (200, b'{"a":1}')
    assert found.time == 1_795_145_400 * SECOND
    assert door.came[0].body == b"{}"
    assert door.came[0].headers["apikey"] == "k"
    assert door.came[0].headers["content-type"] == "application/json"
    await post.close()


async def test_it_comes_from_the_logins_own_address(door: OrderDoor) -> None:
    door.answers["/x"] = [(200, b"")]
    post = post_to(door, "127.0.0.9")

    await post.post("/x", {}, b"")

    assert door.came[0].peer == "127.0.0.9"
    await post.close()


async def test_a_redirect_is_an_answer_like_any_other(door: OrderDoor) -> None:
    door.answers["/x"] = [(302, b"")]
    post = post_to(door)

    assert (await post.post("/x", {}, b"")).status == 302
    assert door.paths() == ["/x"]
    await post.close()


async def test_an_address_that_this_machine_does_not_have_is_an_error(door: OrderDoor) -> None:
    post = post_to(door, "203.0.113.7")

    with pytest.raises(ConnectionError, match=r"from 203\.0\.113\.7"):
        await post.post("/x", {}, b"")
    await post.close()


async def test_the_certificate_is_verified() -> None:
    door = OrderDoor()
    await door.start(server_context())
    door.answers["/x"] = [(200, b"{}")]
    trusting = post_to(door, tls=True)
    rest = f"https://localhost:{door.port}"
    other = HttpPost(SETTINGS, Dialer(parse_address(rest)))

    assert (await trusting.post("/x", {}, b"")).status == 200
    with pytest.raises(ConnectionError, match="certificate"):
        await other.post("/x", {}, b"")
    await trusting.close()
    await other.close()
    await door.close()


@pytest.mark.parametrize("date", ["", "now", "Fri, 99 Nov 2026", "\u0661", "1" * 100])
def test_a_date_that_is_none_is_no_clock(date: str) -> None:
    assert broker_time(date) == 0
