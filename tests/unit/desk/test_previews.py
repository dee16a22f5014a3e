"""Previews: what was looked at is fired once, by whoever looked, while it is fresh."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from phalanx.desk import previews as previews_module
from phalanx.desk.commit import COMMAND_BYTES_MAX
from phalanx.desk.errors import Overloaded, Stopped
from phalanx.desk.pace import Pace
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import Door, Origin, Selection, SignalRequest
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Side
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from tests.fakes.kills import of_account
from tests.fakes.rig import INFY, ORIGIN, PRICE, Rig, ids, on_virtual_time, play


def keyed(key: str, actor: str = "local") -> Origin:
    return Origin(actor, Door.INSTRUCTIONS, key, key, b"same")


async def people(rig: Rig, *accounts: str) -> None:
    await rig.start()
    for account in accounts:
        await rig.account(account)
    await rig.subscribe(*accounts)


def priced(rig: Rig, price: int) -> None:
    """Everything costs so much from now on."""
    rig.desk.quote = lambda _: Quote(price, price, rig.clock.now(), QuoteSource.CLOSE)


@on_virtual_time
async def test_what_was_previewed_is_fired(rig: Rig) -> None:
    await people(rig, "A1", "A2", "A3")
    previewed = await rig.desk.preview(rig.signal(Side.BUY))
    assert rig.events(InstructionPlanned) == []
    priced(rig, PRICE + whole(1))

    executed = await rig.desk.fire(rig.signal(Side.BUY), previewed.token, refuse=False)

    (fired,) = rig.events(InstructionPlanned)
    assert executed.events[0] == fired
    assert fired.orders == previewed.planned.orders
    assert fired.seed == previewed.planned.seed
    assert fired.instruments == previewed.planned.instruments
    assert previewed.planned.instruction_id == ""
    await rig.wait()
    assert sorted(rig.broker.placed) == ids(executed)


@on_virtual_time
async def test_a_token_is_text_for_an_address_and_says_until_when(rig: Rig) -> None:
    await people(rig, "A1")
    made = [await rig.desk.preview(rig.signal(Side.BUY)) for _ in range(20)]

    assert len({previewed.token for previewed in made}) == 20
    for previewed in made:
        assert len(previewed.token) == 24
        assert previewed.token.replace("-", "").replace("_", "").isalnum()
    after = made[-1].expires_at - rig.clock.now()
    assert 119 * SECOND < after <= 120 * SECOND


@on_virtual_time
async def test_the_cash_after_is_less_by_what_the_buys_set_aside(rig: Rig) -> None:
    await people(rig, "A1", "A2")
    await rig.desk.execute(c.PutKill(ORIGIN, of_account("A2")))
    await rig.bought("A1", 10)

    previewed = await rig.desk.preview(rig.signal(Side.BUY))

    (draft,) = previewed.planned.orders
    assert draft.hold == whole(101)
    assert previewed.cash_after == {
        "A1": whole(1_000_000 - 1_000 - 101),
        "A2": whole(1_000_000),
    }


@on_virtual_time
async def test_the_answer_waits_for_what_it_was_reckoned_from(rig: Rig) -> None:
    await people(rig, "A1")
    rig.commit_ns = 100_000_000
    rig.desk.handle(c.PutKill(ORIGIN, of_account("A1")))

    asking = asyncio.create_task(rig.desk.preview(rig.signal(Side.BUY)))
    await rig.wait(0.02)
    assert not asking.done()
    await asking

    assert rig.desk.durable_seq == rig.state.seq


@on_virtual_time
async def test_a_token_is_good_for_two_minutes_whatever_the_wall_clock_does(rig: Rig) -> None:
    await people(rig, "A1")
    first = await rig.desk.preview(rig.signal(Side.BUY))
    second = await rig.desk.preview(rig.signal(Side.BUY))
    rig.clock.skew = 3_600 * SECOND
    await rig.wait(119)
    await rig.desk.fire(rig.signal(Side.BUY), first.token, refuse=False)
    await rig.wait(2)

    with pytest.raises(
        Refused, match="PREVIEW_EXPIRED: it is too old: previews are kept for 120 s"
    ):
        await rig.desk.fire(rig.signal(Side.BUY), second.token, refuse=False)


@on_virtual_time
async def test_a_token_fires_once(rig: Rig) -> None:
    await people(rig, "A1")
    token = (await rig.desk.preview(rig.signal(Side.BUY))).token
    await rig.desk.fire(rig.signal(Side.BUY), token, refuse=False)

    unknown_one = "no preview has this token"
    for unknown, why in ((token, "it was fired already"), ("", unknown_one), ("no", unknown_one)):
        with pytest.raises(Refused, match=f"PREVIEW_EXPIRED: {why}"):
            await rig.desk.fire(rig.signal(Side.BUY), unknown, refuse=False)
    assert len(rig.events(InstructionPlanned)) == 1


@on_virtual_time
async def test_the_same_key_again_gets_the_first_answer_although_the_token_is_gone(
    rig: Rig,
) -> None:
    await people(rig, "A1")
    command = msgspec.structs.replace(rig.signal(Side.BUY), origin=keyed("one"))
    token = (await rig.desk.preview(command)).token

    first = await rig.desk.fire(command, token, refuse=False)
    again = await rig.desk.fire(command, token, refuse=True)

    assert (first.replayed, again.replayed) == (False, True)
    assert again.events[0] == first.events[0]
    other = msgspec.structs.replace(command, origin=Origin("local", Door.KILL, "", "one", b"x"))
    with pytest.raises(Refused, match="IDEMPOTENCY_KEY_REUSED"):
        await rig.desk.fire(other, token, refuse=False)


MISMATCHES: list[Callable[[Rig, c.Submit], c.Submit]] = [
    lambda rig, command: rig.signal(Side.SELL),
    lambda rig, command: rig.buy(),
    lambda rig, command: msgspec.structs.replace(command, origin=keyed("", "somebody else")),
    lambda rig, command: msgspec.structs.replace(command, fire_at=rig.clock.now() + SECOND),
]


@pytest.mark.parametrize("make", MISMATCHES, ids=["side", "kind", "actor", "held"])
def test_a_token_fires_nothing_else(make: Callable[[Rig, c.Submit], c.Submit]) -> None:
    async def story(rig: Rig) -> None:
        await people(rig, "A1")
        command = rig.signal(Side.BUY)
        token = (await rig.desk.preview(command)).token

        with pytest.raises(Refused, match="PREVIEW_MISMATCH"):
            await rig.desk.fire(make(rig, command), token, refuse=False)

        assert (await rig.desk.fire(command, token, refuse=False)).events

    play(story)


@on_virtual_time
async def test_a_note_may_be_another_one(rig: Rig) -> None:
    await people(rig, "A1")
    token = (await rig.desk.preview(rig.signal(Side.BUY))).token
    noted = msgspec.structs.replace(rig.signal(Side.BUY), note="go", expires_s=3)

    fired = (await rig.desk.fire(noted, token, refuse=False)).events[0]

    assert isinstance(fired, InstructionPlanned)
    assert fired.note == "go"


@on_virtual_time
async def test_one_account_that_moved_is_left_out_or_refuses_all(rig: Rig) -> None:
    await people(rig, "A1", "A2")
    token = (await rig.desk.preview(rig.signal(Side.BUY))).token
    await rig.bought("A2")
    seq = rig.state.seq

    with pytest.raises(Refused, match="MOVED") as refused:
        await rig.desk.fire(rig.signal(Side.BUY), token, refuse=True)
    assert len(refused.value.differences) == 1
    assert rig.state.seq == seq
    executed = await rig.desk.fire(rig.signal(Side.BUY), token, refuse=False)

    (cl_ord_id,) = ids(executed)
    assert rig.order(cl_ord_id).draft.book == "A1/P"


@on_virtual_time
async def test_a_price_outside_its_collar_is_judged_by_the_live_one(rig: Rig) -> None:
    await people(rig, "A1")
    token = (await rig.desk.preview(rig.signal(Side.BUY))).token
    priced(rig, PRICE * 2)

    fired = (await rig.desk.fire(rig.signal(Side.BUY), token, refuse=False)).events[0]

    assert isinstance(fired, InstructionPlanned)
    assert [str(skip.reason) for skip in fired.skips] == [
        "the price of INFY changed since the preview"
    ]


@on_virtual_time
async def test_only_so_many_previews_are_kept_the_oldest_goes(rig: Rig) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(previews_module, "PREVIEWS_MAX", 3)
    await people(rig, "A1")
    tokens = [(await rig.desk.preview(rig.signal(Side.BUY))).token for _ in range(4)]
    patch.undo()

    with pytest.raises(Refused, match="PREVIEW_EXPIRED: newer previews pushed it out: at most 3"):
        await rig.desk.fire(rig.signal(Side.BUY), tokens[0], refuse=False)
    assert (await rig.desk.fire(rig.signal(Side.BUY), tokens[1], refuse=False)).events


@on_virtual_time
async def test_why_a_token_went_is_known_of_the_latest(rig: Rig) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(previews_module, "GONE_MAX", 2)
    await people(rig, "A1")
    tokens = [(await rig.desk.preview(rig.signal(Side.BUY))).token for _ in range(3)]
    for token in tokens:
        rig.desk._previews.forget(token)
    patch.undo()

    assert list(rig.desk._previews._gone) == tokens[1:]
    with pytest.raises(Refused, match="PREVIEW_EXPIRED: no preview has this token"):
        await rig.desk.fire(rig.signal(Side.BUY), tokens[0], refuse=False)


@on_virtual_time
async def test_only_so_many_outcomes_are_kept_but_always_the_newest(rig: Rig) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(previews_module, "WEIGHT_MAX", 5)
    await people(rig, "A1", "A2")
    previews = rig.desk._previews
    tokens = [(await rig.desk.preview(rig.signal(Side.BUY))).token for _ in range(3)]
    assert list(previews._kept) == tokens[1:]
    patch.setattr(previews_module, "WEIGHT_MAX", 1)
    newest = (await rig.desk.preview(rig.signal(Side.BUY))).token
    patch.undo()

    assert list(previews._kept) == [newest]
    assert previews._weight == 2
    await rig.desk.fire(rig.signal(Side.BUY), newest, refuse=False)
    assert previews._weight == 0


@on_virtual_time
async def test_what_is_past_its_time_takes_no_room(rig: Rig) -> None:
    await people(rig, "A1")
    for _ in range(5):
        await rig.desk.preview(rig.signal(Side.BUY))
    await rig.wait(121)
    await rig.desk.preview(rig.signal(Side.BUY))

    assert len(rig.desk._previews._kept) == 1
    assert rig.desk._previews._weight == 1


@on_virtual_time
async def test_a_plan_that_is_too_large_is_refused_at_the_preview(rig: Rig) -> None:
    await people(rig, "A1")
    name = "x" * (COMMAND_BYTES_MAX + 1)
    request = SignalRequest("ALPHA", name, Side.BUY)

    with pytest.raises(Refused, match="PLAN_TOO_LARGE"):
        await rig.desk.preview(c.Submit(ORIGIN, request))

    assert rig.desk._previews._kept == {}


@on_virtual_time
async def test_a_desk_that_is_closed_or_overloaded_fires_nothing(rig: Rig) -> None:
    await people(rig, "A1")
    token = (await rig.desk.preview(rig.signal(Side.BUY))).token
    patch = pytest.MonkeyPatch()
    patch.setattr(rig.desk._intake, "_pace", Pace(easy_bytes=0))
    with pytest.raises(Overloaded):
        await rig.desk.fire(rig.signal(Side.BUY), token, refuse=False)
    patch.undo()
    await rig.desk.stop()

    with pytest.raises(Stopped):
        await rig.desk.preview(rig.signal(Side.BUY))
    with pytest.raises(Stopped):
        await rig.desk.fire(rig.signal(Side.BUY), token, refuse=False)


@on_virtual_time
async def test_an_instrument_is_asked_for_its_price_once(rig: Rig) -> None:
    await people(rig, "A1", "A2")
    asked: list[str] = []
    quote = rig.desk.quote
    rig.desk.quote = lambda key: (asked.append(key), quote(key))[1]  # type: ignore[func-returns-value]

    await rig.desk.preview(rig.signal(Side.BUY))

    assert asked == [INFY]


@on_virtual_time
async def test_what_has_nothing_to_fire_is_not_kept(rig: Rig) -> None:
    await people(rig, "A1")
    await rig.desk.execute(c.PutKill(ORIGIN, of_account("A1")))

    previewed = await rig.desk.preview(rig.signal(Side.BUY))

    assert (previewed.planned.orders, previewed.token) == ((), "")
    assert rig.desk._previews._kept == {}


@on_virtual_time
async def test_a_preview_weighs_what_its_request_says_as_well(rig: Rig) -> None:
    await people(rig, "A1", "A2")
    selection = Selection(accounts=("A1",))
    request = SignalRequest("ALPHA", "INFY", Side.BUY, selection)

    await rig.desk.preview(c.Submit(ORIGIN, request))

    assert rig.desk._previews._weight == 2


@on_virtual_time
async def test_new_risk_is_not_even_previewed_under_load(rig: Rig) -> None:
    await people(rig, "A1")
    await rig.bought("A1")
    patch = pytest.MonkeyPatch()
    patch.setattr(rig.desk._intake, "_pace", Pace(easy_bytes=0))
    with pytest.raises(Overloaded):
        await rig.desk.preview(rig.signal(Side.BUY))
    assert (await rig.desk.preview(rig.signal(Side.SELL))).planned.request == rig.signal(
        Side.SELL
    ).request
    patch.undo()
