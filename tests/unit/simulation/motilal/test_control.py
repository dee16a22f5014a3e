"""The control door: for callers of this machine, exact about what it is told."""

import pytest

from phalanx.simulation.http_messages import HttpMessage
from phalanx.simulation.motilal import Fault, FaultKind, MotilalSimulator, SimulatorConfig
from phalanx.simulation.motilal.control import Control
from tests.fakes.motilal import ITC, LTP, ORDERS, Caller, simulated


async def test_faults_are_set_seen_and_cleared(caller: Caller) -> None:
    asked = {"kind": "code", "code": "MO5002", "path": "placeorder", "is_done": True}
    await caller.http.post("/_simulator/faults", json=asked)
    (shown,) = (await caller.http.get("/_simulator/faults")).json()
    await caller.http.delete("/_simulator/faults")

    assert shown.items() >= asked.items()
    assert list(caller.sim.faults) == []


async def test_a_price_is_set_and_stays_or_walks_on() -> None:
    async with simulated(walk=True) as caller:
        still = {"exchange": "NSE", "scripcode": ITC, "price": "450.55"}
        await caller.http.post("/_simulator/prices", json=still)
        caller.sim.step(50)
        held = (await caller.post(LTP, exchange="NSE", scripcode=ITC))["data"]["ltp"]
        await caller.http.post("/_simulator/prices", json=still | {"walk": True})
        caller.sim.step(50)
        walked = (await caller.post(LTP, exchange="NSE", scripcode=ITC))["data"]["ltp"]

        assert held == 45055
        assert walked != 45055


async def test_an_order_is_filled_by_hand(caller: Caller) -> None:
    unique_id = await caller.place()
    for asked in ({"quantity": 4, "price": "399.5"}, {}):
        answer = await caller.http.post(
            "/_simulator/fills", json={"uniqueorderid": unique_id, **asked}
        )
        assert answer.json() == {"done": True}

    row = await caller.row(unique_id)
    (shown,) = (await caller.http.get("/_simulator/orders")).json()

    assert (row["orderstatus"], row["totalqtytraded"]) == ("Traded", 10)
    assert row["averageprice"] == 407.21
    assert shown["uniqueorderid"] == unique_id


async def test_the_world_moves_on_by_so_many_steps(caller: Caller) -> None:
    unique_id = await caller.place(price=413)
    await caller.http.post("/_simulator/steps", json={"count": 2})

    assert (await caller.row(unique_id))["orderstatus"] == "Traded"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "nothing", {}, 404),
        ("PUT", "faults", {}, 404),
        ("POST", "faults", {"kind": "earthquake"}, 400),
        ("POST", "faults", {"kind": "code", "cod": "MO1"}, 400),
        ("POST", "faults", {"kind": "code", "times": -1}, 400),
        ("POST", "prices", {"exchange": "NSE", "scripcode": 1, "price": "4"}, 404),
        ("POST", "prices", {"exchange": "NSE", "scripcode": ITC, "price": "0"}, 400),
        ("POST", "prices", {"exchange": "NSE", "scripcode": ITC, "price": "NaN"}, 400),
        ("POST", "fills", {"uniqueorderid": "1"}, 404),
        ("POST", "statuses", {"uniqueorderid": "1", "status": "Traded"}, 400),
        ("POST", "steps", {"count": 0}, 400),
    ],
)
async def test_what_it_does_not_understand_it_refuses(
    caller: Caller, method: str, path: str, body: dict[str, object], status: int
) -> None:
    answer = await caller.http.request(method, f"/_simulator/{path}", json=body)

    assert answer.status_code == status
    assert answer.json()["detail"]


async def test_a_fill_of_what_has_ended_is_refused(caller: Caller) -> None:
    unique_id = await caller.place()
    caller.sim.orders.cancel(unique_id)

    answer = await caller.http.post("/_simulator/fills", json={"uniqueorderid": unique_id})

    assert answer.status_code == 400
    assert (await caller.rows(ORDERS))[0]["orderstatus"] == "Cancel"


def test_only_this_machine_is_heard() -> None:
    simulator = MotilalSimulator(SimulatorConfig())
    simulator.faults.add(Fault(kind=FaultKind.EMPTY))
    control = Control(
        simulator.faults,
        simulator.prices,
        simulator.orders,
        simulator.matching,
        simulator.sessions,
        simulator.stream,
        simulator.step,
    )
    message = HttpMessage("DELETE /_simulator/faults HTTP/1.1", {}, b"", b"")

    assert control.answer(message, "192.0.2.1").status == 403
    assert len(list(simulator.faults)) == 1
    assert control.answer(message, "::1").status == 200
