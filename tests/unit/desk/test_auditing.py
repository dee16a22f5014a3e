"""Facts of people's acts reach the journal: at once, and of a flood of failures a few a minute."""

import asyncio

import msgspec
import pytest

from phalanx.desk.auditing import KINDS_MAX, KINDS_OF_ADDRESS_MAX, OTHERS, Auditing
from phalanx.desk.errors import Stopped
from phalanx.domain.audit import DETAIL_CHARACTERS_MAX, REPEATABLE, SUBJECT_CHARACTERS_MAX, Act
from phalanx.domain.events import AccessRecorded
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.time import SECOND
from phalanx.engine.commands import RecordAccess
from tests.fakes.rig import Rig, on_virtual_time


def fact(
    act: Act = Act.LOGIN_FAILED, subject: str = "bob", address: str = "192.0.2.7", detail: str = ""
) -> RecordAccess:
    return RecordAccess(Origin("", Door.ACCESS, address=address), act, subject, detail)


async def auditing(rig: Rig) -> Auditing:
    desk = await rig.start()
    return Auditing(desk.state, desk.clock, rig.timer, desk.handle, desk.durable)


def facts(rig: Rig) -> list[AccessRecorded]:
    return rig.events(AccessRecorded)


def counts(rig: Rig) -> list[tuple[str, str, int]]:
    return [(event.subject, event.origin.address, event.count) for event in facts(rig)]


@on_virtual_time
async def test_an_act_is_journaled_at_once_each_time(rig: Rig) -> None:
    told = await auditing(rig)

    for _ in range(3):
        told.tell(fact(Act.USER_CHANGED))
    await rig.wait()

    assert counts(rig) == [("bob", "192.0.2.7", 1)] * 3


@on_virtual_time
async def test_of_failures_that_are_alike_the_first_is_journaled_at_once(rig: Rig) -> None:
    told = await auditing(rig)

    for act in sorted(REPEATABLE):
        for _ in range(10):
            told.tell(fact(act))
    await rig.wait()

    assert [event.act for event in facts(rig)] == sorted(REPEATABLE)
    assert {event.count for event in facts(rig)} == {1}


@on_virtual_time
async def test_the_others_follow_together_after_a_minute(rig: Rig) -> None:
    told = await auditing(rig)
    told.tell(fact(detail="the first"))
    await rig.wait(10)
    second = rig.desk.clock.now()
    told.tell(fact(detail="the second"))
    await rig.wait(20)
    told.tell(fact(detail="the third"))

    await rig.wait(29)
    assert counts(rig) == [("bob", "192.0.2.7", 1)]
    await rig.wait(2)

    first, rest = facts(rig)
    assert (first.detail, first.count) == ("the first", 1)
    assert (rest.detail, rest.count, rest.first) == ("the third", 2, second)
    assert rest.time - first.time == 60 * SECOND


@on_virtual_time
async def test_a_flood_that_lasts_is_one_entry_a_minute(rig: Rig) -> None:
    told = await auditing(rig)

    for _ in range(600):
        told.tell(fact())
        await rig.wait(1)
    await rig.wait(120)

    entries = [event.count for event in facts(rig)]
    assert sum(entries) == 600
    assert len(entries) == 11


@on_virtual_time
async def test_who_comes_again_after_a_quiet_minute_is_journaled_at_once(rig: Rig) -> None:
    told = await auditing(rig)
    told.tell(fact())
    await rig.wait(61)

    told.tell(fact())
    await rig.wait()

    assert counts(rig) == [("bob", "192.0.2.7", 1)] * 2


@on_virtual_time
async def test_failures_are_told_apart_by_act_actor_subject_and_address(rig: Rig) -> None:
    told = await auditing(rig)
    one = fact()
    others = [
        fact(Act.LOGIN_THROTTLED),
        fact(subject="carol"),
        fact(address="192.0.2.8"),
        msgspec.structs.replace(one, origin=Origin("key:algo", Door.ACCESS, address="192.0.2.7")),
    ]

    for other in (one, *others, one, *others):
        told.tell(other)
    await rig.wait()

    assert len(facts(rig)) == 5


@on_virtual_time
async def test_a_flood_of_names_from_one_address_hides_no_other_address(rig: Rig) -> None:
    told = await auditing(rig)

    for number in range(10_000):
        told.tell(fact(subject=f"name {number}"))
    told.tell(fact(subject="ann", address="192.0.2.8"))
    await rig.wait()

    found = counts(rig)
    assert len(found) == KINDS_OF_ADDRESS_MAX + 2
    assert found[-2:] == [(OTHERS, "192.0.2.7", 1), ("ann", "192.0.2.8", 1)]
    await rig.wait(61)
    assert sum(count for *_, count in counts(rig)) == 10_001


@on_virtual_time
async def test_a_flood_from_everywhere_is_bounded_and_none_of_it_uncounted(rig: Rig) -> None:
    told = await auditing(rig)

    for number in range(20_000):
        told.tell(fact(subject=f"name {number}", address=f"2001:db8::{number:x}"))
    told.tell(fact(Act.FORBIDDEN, subject="kill"))
    await rig.wait()

    found = counts(rig)
    assert len(found) == KINDS_MAX + 2
    assert found[-2:] == [(OTHERS, "", 1)] * 2
    assert {event.act for event in facts(rig)[-2:]} == {Act.LOGIN_FAILED, Act.FORBIDDEN}
    await rig.wait(61)
    assert sum(count for *_, count in counts(rig)) == 20_001
    assert len(counts(rig)) == KINDS_MAX + 3


@on_virtual_time
async def test_once_a_flood_is_over_others_are_told_apart_again(rig: Rig) -> None:
    told = await auditing(rig)
    for number in range(1_000):
        told.tell(fact(subject=f"name {number}"))
    await rig.wait(200)

    told.tell(fact(subject="ann"))
    await rig.wait()

    assert counts(rig)[-1] == ("ann", "192.0.2.7", 1)


@on_virtual_time
async def test_what_is_gathered_is_journaled_when_it_ends(rig: Rig) -> None:
    told = await auditing(rig)
    for _ in range(5):
        told.tell(fact())

    told.close()
    told.close()
    told.tell(fact())
    await rig.desk.stop()

    assert [count for *_, count in counts(rig)] == [1, 4]


@on_virtual_time
async def test_no_text_is_a_reason_to_lose_a_fact(rig: Rig) -> None:
    told = await auditing(rig)
    long = "x" * 1_000
    origin = Origin(f"{long}\n", Door.ACCESS, "r", address="\x1b[2J")

    told.tell(RecordAccess(origin, Act.LOGIN, f"a\n{long}", long))
    await rig.wait()

    (event,) = facts(rig)
    assert event.subject.startswith("a?x")
    assert event.origin.address == "?[2J"
    assert len(event.origin.actor) == len(event.subject) == SUBJECT_CHARACTERS_MAX
    assert len(event.detail) == DETAIL_CHARACTERS_MAX


@on_virtual_time
async def test_before_a_read_it_returns_once_the_fact_is_on_disk(rig: Rig) -> None:
    told = await auditing(rig)
    rig.commit_ns = SECOND

    asked = asyncio.ensure_future(told.told(fact(Act.CREDENTIAL_READ, "dealer-1")))
    await rig.wait(0.5)
    assert not asked.done()
    assert facts(rig) == []
    await asked

    assert counts(rig) == [("dealer-1", "192.0.2.7", 1)]


@on_virtual_time
async def test_a_read_is_told_before_the_doors_open_too(rig: Rig) -> None:
    desk = rig.build()
    desk.begin()
    told = Auditing(desk.state, desk.clock, rig.timer, desk.handle, desk.durable)

    await told.told(fact(Act.CREDENTIAL_READ, "dealer-1"))

    assert len(facts(rig)) == 1


@on_virtual_time
async def test_a_desk_that_stopped_lets_nothing_be_read(rig: Rig) -> None:
    told = await auditing(rig)
    await rig.desk.stop()

    with pytest.raises(Stopped):
        await told.told(fact(Act.CREDENTIAL_READ, "dealer-1"))


@on_virtual_time
async def test_a_journal_that_fails_lets_nothing_be_read(rig: Rig) -> None:
    told = await auditing(rig)
    rig.commit_ns = SECOND
    asked = asyncio.ensure_future(told.told(fact(Act.CREDENTIAL_READ, "dealer-1")))
    await rig.wait(0.1)

    rig.desk._die(RuntimeError("the disk is gone"))

    with pytest.raises(Stopped):
        await asked
