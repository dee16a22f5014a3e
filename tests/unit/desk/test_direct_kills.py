"""Kills past the desk: the gate refuses at once, the desk adopts once, and the flag comes down after that."""

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec

from phalanx.brokers.kill_flag import FILE, SIZE, KillFlagFile, order_kill
from phalanx.brokers.port import Accepted
from phalanx.domain.events import InstructionPlanned, KillPut
from phalanx.domain.instructions import Door
from phalanx.domain.kills import EVERYBODY, DirectKill, KillLevel, KillScope
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine import commands as c
from tests.fakes.kills import FakeKillFlag, of_account
from tests.fakes.rig import ORIGIN, Rig, on_virtual_time, play
from tests.fakes.scripted_broker import keep

TICKS = 0.6
"""Longer than two ticks: one adopts, the next finds it durable."""


def kill(
    scope: KillScope = EVERYBODY, *, name: str = "one", cancel: bool = True, note: str = ""
) -> DirectKill:
    return DirectKill(name, scope, "olga", note, 0, cancel)


async def on_its_way(rig: Rig, side: Side = Side.BUY) -> str:
    """An order whose dispatch is durable and that the session has not written yet."""
    rig.broker.script.append(keep)
    (cl_ord_id,) = await rig.submit(rig.buy(side=side))
    return cl_ord_id


async def ready(rig: Rig) -> None:
    await rig.start()
    await rig.account()


def refusal(rig: Rig, cl_ord_id: str) -> Reason | None:
    return rig.broker.tickets[cl_ord_id].admit()


@on_virtual_time
async def test_nothing_is_written_after_it_though_nobody_has_adopted_it(rig: Rig) -> None:
    await ready(rig)
    cl_ord_id = await on_its_way(rig)

    rig.kill_flag.order(kill())

    assert rig.state.kills == {}
    assert refusal(rig, cl_ord_id) == Reason(ReasonCode.KILL_DIRECT, ("everybody",))


@on_virtual_time
async def test_it_stops_whom_it_names(rig: Rig) -> None:
    await ready(rig)
    await rig.account("A2")
    first = await on_its_way(rig)
    rig.broker.script.append(keep)
    (second,) = await rig.submit(rig.buy("A2"))

    rig.kill_flag.order(kill(of_account("A2")))

    assert refusal(rig, first) is None
    assert refusal(rig, second) == Reason(ReasonCode.KILL_DIRECT, ("account A2",))


@on_virtual_time
async def test_what_reduces_and_cancels_pass_it(rig: Rig) -> None:
    await ready(rig)
    bought = await rig.bought()
    rig.broker.fill(bought, whole(10))
    sell = await on_its_way(rig, Side.SELL)
    entry = await rig.bought(quantity=5)
    rig.broker.script.append(keep)
    await rig.cancel(entry)

    rig.kill_flag.order(kill())

    assert refusal(rig, sell) is None
    request = rig.order(entry).request
    assert request is not None
    assert refusal(rig, request.id) is None


@on_virtual_time
async def test_a_replace_that_asks_for_more_does_not_pass_it(rig: Rig) -> None:
    await ready(rig)
    entry = await rig.bought()
    rig.broker.script.append(keep)
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, entry, whole(11)))
    await rig.wait()

    rig.kill_flag.order(kill())

    reason = rig.desk.firing.gate.admit_request(rig.order(entry))
    assert reason is not None
    assert reason.code is ReasonCode.KILL_DIRECT


@on_virtual_time
async def test_a_running_desk_adopts_it_and_lowers_it_once_that_is_durable(rig: Rig) -> None:
    await ready(rig)
    entry = await rig.bought()
    rig.commit_ns = 400_000_000
    rig.kill_flag.order(kill(note="feed"))

    await rig.wait(0.3)
    assert list(rig.state.kills) == ["all/"]
    assert rig.kill_flag.is_raised(), "it is not durable yet"
    await rig.wait(TICKS)

    assert not rig.kill_flag.is_raised()
    (put,) = rig.events(KillPut)
    assert (put.origin.actor, put.origin.door) == ("olga", Door.KILL)
    assert put.note == "feed (kill --direct, 1970-01-01T05:30:00.000000+05:30)"
    assert rig.order(entry).is_canceling


@on_virtual_time
async def test_it_is_lifted_at_the_desk_like_any_other(rig: Rig) -> None:
    await ready(rig)
    rig.kill_flag.order(kill())
    await rig.wait(TICKS)

    await rig.desk.execute(c.LiftKill(ORIGIN))
    await rig.wait(TICKS)

    assert rig.state.kills == {}
    (bought,) = await rig.submit(rig.buy())
    assert rig.status(bought) is OrdStatus.SENT


@on_virtual_time
async def test_without_cancels_what_works_works_on(rig: Rig) -> None:
    await ready(rig)
    entry = await rig.bought()
    rig.kill_flag.order(kill(cancel=False))

    await rig.wait(TICKS)

    assert not rig.kill_flag.is_raised()
    assert not rig.order(entry).is_canceling


@on_virtual_time
async def test_a_desk_that_starts_under_it_sends_nothing_new(rig: Rig) -> None:
    await ready(rig)
    works = await rig.bought()
    waits = await on_its_way(rig)
    placed = len(rig.broker.placed)
    rig.crash()
    rig.kill_flag.order(kill())

    await rig.start()
    await rig.wait(TICKS)

    assert len(rig.broker.placed) == placed
    assert list(rig.state.kills) == ["all/"]
    assert rig.order(works).is_canceling
    assert rig.status(waits) in {OrdStatus.IN_DOUBT, OrdStatus.NOT_RECEIVED}
    assert not rig.kill_flag.is_raised()


@on_virtual_time
async def test_what_was_adopted_is_not_adopted_again_after_a_crash(rig: Rig) -> None:
    """It was durable, and the process died before the flag was down; meanwhile somebody lifted it."""
    await ready(rig)
    rig.kill_flag.is_broken = True
    rig.kill_flag.order(kill())
    await rig.wait(TICKS)
    await rig.desk.execute(c.LiftKill(ORIGIN))
    rig.crash(landed=True)
    rig.kill_flag.is_broken = False

    await rig.start()
    await rig.wait(TICKS)

    assert not rig.kill_flag.is_raised()
    assert len(rig.events(KillPut)) == 1
    assert rig.state.kills == {}


@on_virtual_time
async def test_one_that_did_not_become_durable_is_adopted_at_the_next_start(rig: Rig) -> None:
    await ready(rig)
    rig.commit_ns = 10_000_000_000
    rig.kill_flag.order(kill())
    await rig.wait(TICKS)
    rig.crash()
    rig.commit_ns = 1_000_000

    await rig.start()
    await rig.wait(TICKS)

    assert len(rig.events(KillPut)) == 1
    assert not rig.kill_flag.is_raised()


@on_virtual_time
async def test_one_that_comes_while_another_is_adopted_is_not_lost(rig: Rig) -> None:
    await ready(rig)
    await rig.account("A2")
    rig.commit_ns = 300_000_000
    rig.kill_flag.order(kill(of_account("A1")))
    await rig.wait(0.3)
    rig.kill_flag.order(kill(of_account("A2"), name="two"))

    await rig.wait(2)

    assert [put.account for put in rig.events(KillPut)] == ["A1", "A2"]
    assert not rig.kill_flag.is_raised()


@on_virtual_time
async def test_one_that_is_being_written_waits(rig: Rig) -> None:
    await ready(rig)
    rig.kill_flag.is_being_written = True
    rig.kill_flag.order(kill())
    await rig.wait(TICKS)
    assert rig.state.kills == {}

    rig.kill_flag.is_being_written = False
    await rig.wait(TICKS)

    assert list(rig.state.kills) == ["all/"]


@on_virtual_time
async def test_a_name_that_nobody_has_is_adopted_as_it_stands(rig: Rig) -> None:
    await ready(rig)
    rig.kill_flag.order(kill(KillScope(KillLevel.BROKER, "nobody")))

    await rig.wait(TICKS)

    assert list(rig.state.kills) == ["broker/nobody"]
    assert not rig.kill_flag.is_raised()


@on_virtual_time
async def test_a_flag_that_cannot_be_lowered_goes_on_stopping(rig: Rig) -> None:
    await ready(rig)
    cl_ord_id = await on_its_way(rig)
    rig.kill_flag.is_broken = True
    rig.kill_flag.order(kill())
    await rig.wait(TICKS)
    await rig.desk.execute(c.LiftKill(ORIGIN))

    reason = refusal(rig, cl_ord_id)

    assert reason is not None
    assert reason.code is ReasonCode.KILL_DIRECT
    assert rig.desk.stopped is None
    assert len(rig.events(KillPut)) == 1


@on_virtual_time
async def test_what_it_cancels_is_one_instruction_in_the_record_of_the_kill(rig: Rig) -> None:
    await ready(rig)
    entries = [await rig.bought(quantity=number) for number in (1, 2)]
    rig.broker.tickets[entries[0]].done(Accepted("again"))
    rig.kill_flag.order(kill())

    await rig.wait(TICKS)

    (record,) = [one for one in rig.records() if any(isinstance(e, KillPut) for e in one)]
    planned = next(event for event in record if isinstance(event, InstructionPlanned))
    assert [one.cl_ord_id for one in planned.cancels] == entries


@on_virtual_time
async def test_one_in_a_file_that_took_the_flags_place_is_adopted_under_the_same_number(
    rig: Rig,
) -> None:
    await ready(rig)
    await rig.account("A2")
    rig.kill_flag.order(kill(of_account("A1")))
    await rig.wait(TICKS)
    rig.kill_flag.later = FakeKillFlag()
    rig.kill_flag.later.order(kill(of_account("A2"), name="two"))

    await rig.wait(TICKS)

    assert list(rig.state.kills) == ["account/A1", "account/A2"]
    assert not rig.kill_flag.is_raised()


@on_virtual_time
async def test_what_the_old_file_orders_is_adopted_before_a_new_one_takes_its_place(
    rig: Rig,
) -> None:
    await ready(rig)
    rig.kill_flag.order(kill(of_account("A1")))
    rig.kill_flag.later = FakeKillFlag()

    await rig.wait(TICKS)

    assert list(rig.state.kills) == ["account/A1"]


def test_one_that_waits_in_a_file_that_is_cut_is_adopted_as_one_of_everybody(
    tmp_path: Path,
) -> None:
    """With the file itself: no tick makes it whole before the journal has what it stood for."""
    path = tmp_path / FILE

    async def story(rig: Rig) -> None:
        rig.flag_file = flag = KillFlagFile(path)
        await ready(rig)
        rig.commit_ns = 400_000_000
        order_kill(path, kill(of_account("A1")))
        os.truncate(path, 0)

        await rig.wait(0.3)
        assert list(rig.state.kills) == ["all/"]
        assert path.stat().st_size == 0, "it is not durable yet"
        rig.crash()
        rig.commit_ns = 1_000_000
        await rig.start()
        await rig.wait(TICKS)

        assert list(rig.state.kills) == ["all/"]
        (put,) = rig.events(KillPut)
        assert put.note.startswith("the kill flag was cut: it stops everybody")
        assert not flag.is_raised()
        assert path.stat().st_size == SIZE
        flag.close()

    play(story)


def test_a_cut_is_adopted_once_and_the_next_one_again(tmp_path: Path) -> None:
    path = tmp_path / FILE

    async def story(rig: Rig) -> None:
        rig.flag_file = flag = KillFlagFile(path)
        await ready(rig)
        for number in (1, 2):
            os.truncate(path, 0)
            os.utime(path, ns=(number, number))
            await rig.wait(2 * TICKS)
            assert len(rig.events(KillPut)) == number
            await rig.desk.execute(c.LiftKill(ORIGIN))
        assert rig.state.kills == {}
        flag.close()

    play(story)


def said(rig: Rig) -> list[str]:
    """What of faults is said from here on."""
    messages: list[str] = []

    def note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        messages.append(context["message"])

    asyncio.get_running_loop().set_exception_handler(note)
    assert rig.desk.readiness().kill_flag == ""
    return messages


@on_virtual_time
async def test_a_flag_that_cannot_be_renewed_stops_entries_and_lets_exits_and_cancels_pass(
    rig: Rig,
) -> None:
    await ready(rig)
    bought = await rig.bought()
    rig.broker.fill(bought, whole(10))
    sell = await on_its_way(rig, Side.SELL)
    entry = await rig.bought(quantity=5)
    rig.broker.script.append(keep)
    await rig.cancel(entry)
    buy = await on_its_way(rig)

    rig.kill_flag.is_lost = True
    await rig.wait(TICKS)

    request = rig.order(entry).request
    assert request is not None
    assert refusal(rig, sell) is None
    assert refusal(rig, request.id) is None
    assert refusal(rig, buy) == Reason(ReasonCode.KILL_DIRECT, ("everybody",))
    assert rig.state.kills == {}, "nobody ordered one"


@on_virtual_time
async def test_a_flag_that_cannot_be_renewed_is_said_once_and_once_when_it_can_again(
    rig: Rig,
) -> None:
    await ready(rig)
    messages = said(rig)

    rig.kill_flag.is_lost = True
    await rig.wait(5)

    assert messages == ["the desk goes on after a fault (kill flag)"]
    assert rig.desk.readiness().kill_flag == "the flag is a folder"
    assert rig.desk.readiness().ready
    rig.kill_flag.is_lost = False
    await rig.wait(5)
    assert messages[1:] == ["the desk is over a fault (kill flag)"]
    assert rig.desk.readiness().kill_flag == ""
    (buy,) = await rig.submit(rig.buy())
    assert rig.status(buy) is OrdStatus.SENT


@on_virtual_time
async def test_what_was_ordered_in_a_flag_that_cannot_be_renewed_is_adopted(rig: Rig) -> None:
    await ready(rig)
    said(rig)
    rig.kill_flag.is_lost = True
    await rig.wait(TICKS)

    rig.kill_flag.order(kill(of_account("A2")))
    await rig.wait(2 * TICKS)

    assert list(rig.state.kills) == ["account/A2"]
    assert rig.kill_flag.is_raised()


def test_a_folder_in_the_files_place_stops_everybody_from_the_next_tick_until_it_is_gone(
    tmp_path: Path,
) -> None:
    path = tmp_path / FILE

    async def story(rig: Rig) -> None:
        rig.flag_file = flag = KillFlagFile(path)
        await ready(rig)
        said(rig)
        buy = await on_its_way(rig)
        path.unlink()
        path.mkdir()

        await rig.wait(TICKS)
        assert refusal(rig, buy) == Reason(ReasonCode.KILL_DIRECT, ("everybody",))
        assert rig.desk.readiness().kill_flag == "Is a directory"
        path.rmdir()
        await rig.wait(TICKS)

        assert refusal(rig, buy) is None
        order_kill(path, kill(of_account("A1")))
        await rig.wait(TICKS)
        assert list(rig.state.kills) == ["account/A1"]
        flag.close()

    play(story)


@on_virtual_time
async def test_with_two_persons_it_is_adopted_at_once_and_lowering_it_lifts_nothing(
    rig: Rig,
) -> None:
    await ready(rig)
    settings = msgspec.structs.replace(rig.state.settings, two_persons=True)
    await rig.desk.execute(c.PutReference(ORIGIN, settings=settings))
    rig.kill_flag.order(kill())
    await rig.wait(TICKS)
    assert not rig.kill_flag.is_raised()

    await rig.desk.execute(c.LiftKill(ORIGIN))
    await rig.wait(TICKS)

    assert list(rig.state.kills) == [EVERYBODY.key]
    assert len(rig.state.changes) == 1
