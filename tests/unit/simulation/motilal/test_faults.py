"""What goes wrong on demand does so over a real connection, and a call that took effect shows it afterwards."""

import asyncio

import httpx
import pytest

from phalanx.simulation.motilal import Fault, FaultKind
from phalanx.simulation.motilal.faults import FAULTS_MAX, Faults
from tests.fakes.motilal import HOLDINGS, ORDERS, PLACE, TRADES, Caller, order


def add(caller: Caller, kind: FaultKind, **more: object) -> None:
    caller.sim.faults.add(Fault(kind=kind, path="placeorder", **more))  # type: ignore[arg-type]


async def tags(caller: Caller) -> list[str]:
    envelope = await caller.post(ORDERS)
    return [row["tag"] for row in envelope["data"] or []]


async def test_an_answer_is_lost_after_the_order_was_taken(caller: Caller) -> None:
    add(caller, FaultKind.LOST)
    with pytest.raises(httpx.RemoteProtocolError):
        await caller.http.post(PLACE, json=order(tag="LOST"))

    assert await tags(caller) == ["LOST"]
    assert await caller.place(tag="NEXT")


async def test_an_answer_never_comes_although_the_order_was_taken(caller: Caller) -> None:
    add(caller, FaultKind.SILENT)
    with pytest.raises(httpx.ReadTimeout):
        await caller.http.post(PLACE, json=order(tag="SILENT"), timeout=0.05)

    assert await tags(caller) == ["SILENT"]


async def test_an_order_arrives_after_its_connection_ended(caller: Caller) -> None:
    for delay_ms, tag in ((60_000, "LATER"), (0, "LATE")):
        add(caller, FaultKind.LATE, delay_ms=delay_ms)
        with pytest.raises(httpx.RemoteProtocolError):
            await caller.http.post(PLACE, json=order(tag=tag))
    arrived: list[str] = []
    async with asyncio.timeout(20):
        while not arrived:
            arrived = await tags(caller)

    assert arrived == ["LATE"]


@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("code", ["MO5001", "MO5002", "MO5000", "MO2035", ""])
async def test_a_failure_may_be_told_of_an_order_that_was_taken_or_was_not(
    caller: Caller, code: str, is_done: bool
) -> None:
    add(caller, FaultKind.CODE, code=code, is_done=is_done)

    envelope = await caller.post(PLACE, **order(tag="T"))

    assert (envelope["status"], envelope["errorcode"]) == ("FAILURE", code)
    assert envelope["message"]
    assert await tags(caller) == (["T"] if is_done else [])


@pytest.mark.parametrize("status", [401, 403, 502])
async def test_a_status_comes_with_a_page(caller: Caller, status: int) -> None:
    add(caller, FaultKind.STATUS, status=status)

    answer = await caller.http.post(PLACE, json=order())

    assert answer.status_code == status
    assert answer.text.startswith("<html>")
    assert await tags(caller) == []


async def test_bodies_that_are_empty_or_no_json(caller: Caller) -> None:
    add(caller, FaultKind.EMPTY, is_done=True)
    add(caller, FaultKind.NOT_JSON)

    empty = await caller.http.post(PLACE, json=order(tag="EMPTY"))
    text = await caller.http.post(PLACE, json=order(tag="TEXT"))

    assert (empty.status_code, empty.content) == (200, b"")
    assert text.text == "Object reference not set to an instance of an object."
    assert await tags(caller) == ["EMPTY"]


async def test_numbers_come_as_texts_and_texts_as_numbers(caller: Caller) -> None:
    caller.sim.faults.add(Fault(kind=FaultKind.WRONG_TYPES, path="getdpholding"))

    (row, _) = await caller.rows(HOLDINGS)

    assert (row["dpquantity"], row["buyavgprice"]) == ("1119", "813.66")
    assert (await caller.rows(HOLDINGS))[0]["dpquantity"] == 1119


async def test_an_envelope_may_be_spelled_otherwise(caller: Caller) -> None:
    caller.sim.faults.add(Fault(kind=FaultKind.ODD_ENVELOPE, times=2))

    failure = await caller.post(ORDERS)
    success = await caller.post(PLACE, **order())

    assert failure.items() >= {"status": "FAILED", "errorCode": "MO1013", "data": "null"}.items()
    assert (success["status"], success["errorCode"]) == ("SUCCESS", "")
    assert "errorcode" not in failure | success


async def test_a_file_is_no_envelope_and_stays_as_it_is(caller: Caller) -> None:
    caller.sim.faults.add(Fault(kind=FaultKind.WRONG_TYPES))

    answer = await caller.http.get("/getindexdatacsv", params={"name": "BSE"})

    assert answer.text == "exchangename,indexcode,indexname\r\nBSE,999901,SENSEX\r\n"


async def test_a_tag_of_digits_comes_as_a_number(caller: Caller) -> None:
    await caller.place(tag="0012")
    caller.sim.faults.add(Fault(kind=FaultKind.WRONG_TYPES, path="getorderbook"))

    (row,) = await caller.rows(ORDERS)
    assert row["tag"] == 12


async def test_numbers_come_as_nan(caller: Caller) -> None:
    caller.sim.faults.add(Fault(kind=FaultKind.NAN, path="getdpholding"))

    answer = await caller.http.post(HOLDINGS)

    assert b'"dpquantity":NaN' in answer.content
    assert b'"clientcode":"AA017"' in answer.content


async def test_an_answer_may_be_slow_or_late_and_is_whole(caller: Caller) -> None:
    add(caller, FaultKind.SLOW, delay_ms=40)
    add(caller, FaultKind.LATENCY, delay_ms=5)

    assert await caller.place(tag="SLOW")
    assert await caller.place(tag="LATE")
    add(caller, FaultKind.LATENCY, delay_ms=60_000)
    with pytest.raises(httpx.ReadTimeout):
        await caller.http.post(PLACE, json=order(tag="NEVER"), timeout=0.05)
    assert await tags(caller) == ["SLOW", "LATE"]


async def test_a_fault_is_for_a_path_and_a_client_and_so_many_times(caller: Caller) -> None:
    caller.sim.faults.add(Fault(kind=FaultKind.CODE, code="MO8000", path="gettradebook", times=2))
    caller.sim.faults.add(Fault(kind=FaultKind.CODE, code="MO8001", client="AA020"))

    codes = [(await caller.post(path))["errorcode"] for path in (ORDERS, TRADES, TRADES, TRADES)]

    assert codes == ["MO1013", "MO8000", "MO8000", "MO1014"]
    assert [fault.client for fault in caller.sim.faults] == ["AA020"]
    caller.sim.faults.clear()
    assert list(caller.sim.faults) == []


async def test_a_fault_without_an_end_stays(caller: Caller) -> None:
    caller.sim.faults.add(Fault(kind=FaultKind.CODE, code="MO8002", times=0))

    assert [(await caller.post(ORDERS))["errorcode"] for _ in range(3)] == ["MO8002"] * 3


@pytest.mark.parametrize("wrong", [{"times": -1}, {"delay_ms": -1}, {"status": 99}])
def test_a_fault_that_makes_no_sense_is_not_taken(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        Faults().add(Fault(kind=FaultKind.STATUS, **wrong))  # type: ignore[arg-type]


def test_faults_have_a_bound() -> None:
    faults = Faults()
    for _ in range(FAULTS_MAX):
        faults.add(Fault(kind=FaultKind.EMPTY))

    with pytest.raises(ValueError, match=str(FAULTS_MAX)):
        faults.add(Fault(kind=FaultKind.EMPTY))
