"""The order and trade stream over a real WebSocket: who is heard, what is told, and what goes wrong."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from phalanx.domain.numbers import whole
from phalanx.domain.time import SECOND
from phalanx.simulation.motilal import Fault, FaultKind
from tests.fakes.motilal import DEALER, Caller, Json, simulated

WAIT_S = 20


class Ear:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **body: object) -> None:
        await self.socket.send(json.dumps(body))

    async def hear(self) -> Json:
        async with asyncio.timeout(WAIT_S):
            found: Json = json.loads(await self.socket.recv())
            return found

    async def ended(self) -> None:
        async with asyncio.timeout(WAIT_S):
            await self.socket.wait_closed()


@asynccontextmanager
async def listening(caller: Caller, client: str, *actions: str) -> AsyncIterator[Ear]:
    """Logged in, and subscribed: an unknown action that was answered is proof that the others were heard."""
    async with connect(caller.sim.orders_ws_url, proxy=None) as socket:
        ear = Ear(socket)
        await ear.say(clientid=client, authtoken=caller.token, apikey=caller.login.api_key)
        for action in (*actions, "Ready?"):
            await ear.say(clientid=client, action=action)
        answer = await ear.hear()
        assert (answer["errorcode"], answer["message"]) == ("MO2012", "Invalid Action Request.")
        yield ear


async def test_orders_are_told_in_rupees_step_by_step(caller: Caller) -> None:
    async with listening(caller, "AA017", "OrderSubscribe") as ear:
        unique_id = await caller.place(price=412.5, tag="KTEST1")
        caller.sim.step(2)
        frames = [await ear.hear() for _ in range(3)]

    assert [frame["orderstatus"] for frame in frames] == ["Sent", "Confirm", "Traded"]
    last = frames[-1]
    assert (last["uniqueorderid"], last["tag"], last["buyorsell"]) == (unique_id, "KTEST1", "BUY")
    assert (last["price"], last["averageprice"], last["optiontype"]) == (412.5, 412.4, "EQ")
    assert "recordinserttime" not in last


async def test_a_trade_is_told_in_rupees_although_it_has_a_precision(caller: Caller) -> None:
    async with listening(caller, "AA017", "TradeSubscribe") as ear:
        unique_id = await caller.place(price=412.5)
        caller.sim.step(2)
        trade = await ear.hear()

    assert (trade["tradeprice"], trade["tradevalue"], trade["precision"]) == (412.4, 4124, 2)
    assert (trade["symboltoken"], trade["tradeqty"]) == (1660, 10)
    assert trade["uniqueorderid"] == unique_id


async def test_who_no_longer_wants_to_know_is_not_told(caller: Caller) -> None:
    actions = ("OrderSubscribe", "TradeSubscribe", "OrderUnsubscribe", "heartbeat")
    async with listening(caller, "AA017", *actions) as ear:
        await caller.place(price=412.5)
        caller.sim.step(2)

        assert "tradeno" in await ear.hear()


async def test_a_dealer_hears_one_client_or_all_of_them() -> None:
    async with simulated(DEALER, ops_max=100) as caller:
        async with listening(caller, "AA020", "OrderSubscribe") as ear:
            await caller.place(clientcode="AA021")
            await caller.place(clientcode="AA020")
            assert (await ear.hear())["clientid"] == "AA020"
        async with listening(caller, "DL001", "OrderSubscribe") as ear:
            await caller.place(clientcode="AA021")
            await caller.place(clientcode="AA020")
            assert [(await ear.hear())["clientid"] for _ in range(2)] == ["AA021", "AA020"]


@pytest.mark.parametrize("wrong", [{"clientid": "AA020"}, {"authtoken": "x"}, {"apikey": "x"}])
async def test_who_has_no_session_is_told_so_and_let_go(caller: Caller, wrong: Json) -> None:
    async with connect(caller.sim.orders_ws_url, proxy=None) as socket:
        ear = Ear(socket)
        await ear.say(
            **({"clientid": "AA017", "authtoken": caller.token, "apikey": "APIKEY123"} | wrong)
        )

        assert (await ear.hear())["errorcode"] == "MO1001"
        await ear.ended()


async def test_what_is_no_json_is_a_technical_error(caller: Caller) -> None:
    async with listening(caller, "AA017") as ear:
        await ear.socket.send("{")

        assert (await ear.hear())["errorcode"] == "MO8000"


async def test_an_action_for_a_stranger_ends_it(caller: Caller) -> None:
    async with listening(caller, "AA017") as ear:
        await ear.say(clientid="AA020", action="OrderSubscribe")

        assert (await ear.hear())["errorcode"] == "MO1001"
        await ear.ended()


async def test_a_dead_token_ends_it(caller: Caller) -> None:
    async with listening(caller, "AA017", "OrderSubscribe") as ear:
        caller.sim.sessions.end_all()
        caller.sim.step()

        assert (await ear.hear())["errorcode"] == "MO1001"
        await ear.ended()


async def test_silence_ends_it_and_a_heartbeat_keeps_it(caller: Caller) -> None:
    async with listening(caller, "AA017", "OrderSubscribe") as ear:
        caller.clock.advance(90 * SECOND)
        await ear.say(clientid="AA017", action="heartbeat")
        await ear.say(clientid="AA017", action="Ready?")
        await ear.hear()
        caller.clock.advance(90 * SECOND)
        caller.sim.step()
        await caller.place()
        assert (await ear.hear())["orderstatus"] == "Sent"
        caller.clock.advance(SECOND)
        caller.sim.step()

        await ear.ended()


async def test_a_newer_socket_of_a_client_ends_the_older(caller: Caller) -> None:
    async with (
        listening(caller, "AA017") as older,
        listening(caller, "AA017", "OrderSubscribe") as ear,
    ):
        await older.ended()
        await caller.place()

        assert (await ear.hear())["orderstatus"] == "Sent"


async def test_logging_out_ends_it(caller: Caller) -> None:
    async with listening(caller, "AA017") as ear:
        await ear.say(clientid="AA017", action="logout")

        await ear.ended()


async def test_every_socket_can_be_made_to_end(caller: Caller) -> None:
    async with listening(caller, "AA017") as ear:
        await caller.http.delete("/_simulator/sockets")

        await ear.ended()


async def test_another_path_is_not_found(caller: Caller) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(caller.sim.orders_ws_url + "x", proxy=None)

    assert refused.value.response.status_code == 404


async def test_nothing_is_told_again_after_a_reconnect(caller: Caller) -> None:
    async with listening(caller, "AA017", "OrderSubscribe") as ear:
        await caller.place()
        await ear.hear()
    caller.sim.step()
    async with listening(caller, "AA017", "OrderSubscribe") as ear:
        unique_id = await caller.place(tag="NEXT")

        assert (await ear.hear())["uniqueorderid"] == unique_id


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (FaultKind.WS_MISS, [4, 6]),
        (FaultKind.WS_DUPLICATE, [0, 0, 4, 6]),
        (FaultKind.WS_SWAP, [4, 0, 6]),
        (FaultKind.WS_LATE, [4, 6, 0]),
    ],
)
async def test_frames_are_missed_doubled_swapped_or_late(
    caller: Caller, kind: FaultKind, told: list[int]
) -> None:
    async with listening(caller, "AA017", "OrderSubscribe") as ear:
        unique_id = await caller.place()
        await ear.hear()
        caller.sim.faults.add(Fault(kind=kind, client="AA017", delay_ms=10))
        caller.sim.step()
        caller.sim.orders.fill(unique_id, 4, whole(400))
        caller.sim.orders.fill(unique_id, 2, whole(400))

        assert [(await ear.hear())["totalqtytraded"] for _ in told] == told


async def test_a_frame_may_be_no_json(caller: Caller) -> None:
    caller.sim.faults.add(Fault(kind=FaultKind.WS_GARBAGE))
    async with listening(caller, "AA017", "OrderSubscribe") as ear:
        await caller.place()
        async with asyncio.timeout(WAIT_S):
            garbage = await ear.socket.recv()

        assert garbage == "{not json"
        assert (await ear.hear())["orderstatus"] == "Sent"


async def test_statuses_may_come_in_capitals() -> None:
    async with (
        simulated(shouts=True) as caller,
        listening(caller, "AA017", "OrderSubscribe") as ear,
    ):
        await caller.place()

        assert (await ear.hear())["orderstatus"] == "SENT"
