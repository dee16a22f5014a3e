"""What the desk counts, and the arithmetic of hops and turnaround."""

import re

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from phalanx.brokers.port import Accepted, Outcome, Refused, Unknown
from phalanx.desk.telemetry import Telemetry
from phalanx.domain.accounts import RateLimit
from phalanx.domain.events import OrderDoubted, OrderFlagged, OrderReported
from phalanx.domain.instructions import CancelRestRequest
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, Hops, OrdStatus, Side
from phalanx.domain.time import MICROSECOND, MILLISECOND, MINUTE, SECOND
from phalanx.engine import commands as c
from tests.fakes.rig import ORIGIN, Rig, on_virtual_time, play
from tests.fakes.scripted_broker import unreachable


def metrics(source: Rig | Telemetry) -> dict[str, float]:
    """Every sample by name, or name and labels."""
    text = source.desk.metrics() if isinstance(source, Rig) else source.render()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            if "le" not in sample.labels and not sample.name.endswith("_created"):
                labels = ",".join(sample.labels.values())
                found[f"{sample.name} {labels}".strip()] = sample.value
    return found


@on_virtual_time
async def test_instructions_orders_and_ends_are_counted_once(rig: Rig) -> None:
    await rig.start()
    await rig.account("A1")
    await rig.account("A2")
    await rig.subscribe("A1", "A2")
    first, second = await rig.submit(rig.signal(Side.BUY))
    rig.broker.fill(first, whole(1))
    rig.broker.tickets[first].done(Accepted("B1"))
    rig.broker.tickets[second].done(Unknown(""))
    await rig.submit(rig.signal(Side.BUY))
    await rig.wait()

    found = metrics(rig)
    assert found["phalanx_instructions_total signal,accepted"] == 1
    assert found["phalanx_instructions_total signal,rejected"] == 1
    assert found["phalanx_orders_total"] == 2
    assert found["phalanx_skips_total LOT_ALREADY_OPEN"] == 2
    assert found["phalanx_fills_total"] == 1
    assert found["phalanx_orders_ended_total FILLED"] == 1
    assert found["phalanx_orders_doubted_total"] == 1
    assert found["phalanx_events_total"] == found["phalanx_seq"] == rig.state.seq
    assert found["phalanx_commits_total"] == len(rig.records())
    assert found["phalanx_commit_waiting_bytes"] == 0
    assert found["phalanx_tat_seconds_count"] == 2


@on_virtual_time
async def test_a_fill_after_the_end_is_not_another_end(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    order = await rig.bought()
    rig.broker.end(order)
    rig.broker.fill(order, whole(4))
    await rig.wait()

    found = metrics(rig)
    assert found["phalanx_orders_ended_total CANCELED"] == 1
    assert found["phalanx_fills_total"] == 1


@on_virtual_time
async def test_gauges_say_what_waits_and_who_reads(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 60_000))
    for _ in range(3):
        await rig.submit(rig.buy())
    rig.desk.stream.join(("orders",))
    rig.commit_ns = SECOND
    rig.desk.handle(rig.buy())

    found = metrics(rig)
    assert found["phalanx_lane_waiting"] == 3
    assert found["phalanx_stream_readers"] == 1
    assert found["phalanx_open_orders"] == 4
    assert found["phalanx_commit_waiting_bytes"] > 0


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Accepted("B1"), OrderReported),
        (Refused("1", "no"), OrderReported),
        (Unknown("timeout"), OrderDoubted),
    ],
    ids=["accepted", "refused", "unknown"],
)
def test_the_hops_ride_in_the_next_event(outcome: Outcome, kind: type) -> None:
    async def story(rig: Rig) -> None:
        await rig.start()
        await rig.account()
        rig.commit_ns = 10 * MILLISECOND
        command = rig.buy()
        rig.desk.handle(command)
        planned = rig.clock.monotonic()
        await rig.wait(0.05)
        (order,) = rig.broker.placed
        rig.broker.tickets[order].done(outcome)
        await rig.wait(0.05)

        (event,) = rig.events(kind)
        hops = event.hops
        assert (hops.received, hops.planned) == (command.received, planned)
        assert 9 * MILLISECOND < hops.committed - planned < 12 * MILLISECOND
        assert hops.committed <= hops.sent
        # A timeout acknowledges nothing: its length is not the broker's.
        assert (hops.acknowledged > hops.sent) == (kind is OrderReported)
        assert (hops.held, hops.waited) == (0, 0)
        assert hops.tat == hops.sent - hops.received
        assert metrics(rig)["phalanx_tat_seconds_count"] == 1

    play(story)


@on_virtual_time
async def test_time_in_a_limit_is_a_hop_of_its_own(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    await rig.submit(rig.buy())
    command = rig.buy()
    (waiting,) = await rig.submit(command)
    await rig.wait(1.5)
    rig.broker.tickets[waiting].done(Accepted("B1"))
    await rig.wait()

    hops = rig.events(OrderReported)[-1].hops
    assert hops.sent - hops.received > 980 * MILLISECOND
    assert 980 * MILLISECOND < hops.waited < SECOND
    assert 0 < hops.tat < 2 * MILLISECOND


@on_virtual_time
async def test_time_in_a_limit_adds_up_over_tries(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    await rig.submit(rig.buy())
    rig.broker.script.append(unreachable)
    (waiting,) = await rig.submit(rig.buy())
    await rig.wait(3)
    rig.broker.tickets[waiting].done(Accepted("B1"))
    await rig.wait()

    hops = rig.events(OrderReported)[-1].hops
    assert rig.broker.placed.count(waiting) == 2
    assert hops.waited > 1_080 * MILLISECOND
    assert 0 < hops.tat < 5 * MILLISECOND


@on_virtual_time
async def test_instants_of_another_process_are_not_reckoned_with(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    await rig.submit(rig.buy())
    (waiting,) = await rig.submit(rig.buy())
    await rig.restart()
    await rig.wait(1.1)
    rig.broker.tickets[waiting].done(Accepted("B1"))
    await rig.wait()

    hops = rig.events(OrderReported)[-1].hops
    assert (hops.received, hops.planned) == (0, 0)
    assert hops.sent > 0
    assert metrics(rig)["phalanx_tat_seconds_count"] == 0
    assert rig.desk.stream.topics["orders"].rows[waiting].message().tat_ns == 0


@on_virtual_time
async def test_the_child_of_a_late_fill_has_no_turnaround_of_the_instruction(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    (bought,) = await rig.submit(rig.signal(Side.BUY))
    rig.broker.tickets[bought].done(Accepted("B1"))
    await rig.submit(rig.signal(Side.SELL))
    await rig.wait(20)
    rig.broker.fill(bought, whole(1))
    await rig.wait()
    rig.broker.tickets[rig.broker.placed[-1]].done(Accepted("B2"))
    await rig.wait()

    hops = rig.events(OrderReported)[-1].hops
    assert hops.received == 0
    assert hops.sent > 0
    assert metrics(rig)["phalanx_tat_seconds_count"] == 1


@on_virtual_time
async def test_what_is_held_is_counted_and_again_when_it_is_planned_or_not(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    for _ in range(2):
        fire_at = rig.clock.now() + 5 * SECOND
        await rig.desk.execute(msgspec.structs.replace(rig.signal(Side.BUY), fire_at=fire_at))
    await rig.desk.execute(c.Submit(ORIGIN, CancelRestRequest("IAA00000000")))
    await rig.wait(6)

    found = metrics(rig)
    assert found["phalanx_instructions_held_total"] == 2
    assert found["phalanx_instructions_never_planned_total CANCELED"] == 1
    assert found["phalanx_instructions_total signal,accepted"] == 1
    assert found["phalanx_instructions_total cancel,accepted"] == 1


def test_flags_are_counted_whoever_raised_them() -> None:
    telemetry = Telemetry(lambda: 0)
    report = ExecutionReport("AA00000000", ExecType.NEW)
    late = OrderReported(1, "AA00000000", OrdStatus.CANCELED, 1, 1, report, flag="LATE")
    plain = OrderReported(1, "AA00000000", OrdStatus.NEW, 0, 0, report)

    telemetry.committed([OrderFlagged(1, "AA00000000", "UNFILLED"), late, plain])

    found = metrics(telemetry)
    assert found["phalanx_orders_flagged_total UNFILLED"] == 1
    assert found["phalanx_orders_flagged_total LATE"] == 1


def test_turnaround_is_sent_less_received_held_and_waited() -> None:
    assert Hops(received=10, held=3, waited=4, sent=30).tat == 13
    assert Hops(received=10).tat == 0


def test_every_hop_is_observed_from_the_first_byte() -> None:
    telemetry = Telemetry(lambda: 0)
    hops = Hops(SECOND, 2 * SECOND, 0, 3 * SECOND, 0, 5 * SECOND, 9 * SECOND)

    telemetry.answered(hops)

    found = metrics(telemetry)
    sums = {name: found[f"phalanx_hop_seconds_sum {name}"] for name in ("planned", "committed")}
    assert sums == {"planned": 1, "committed": 2}
    assert found["phalanx_hop_seconds_sum sent"] == 4
    assert found["phalanx_hop_seconds_sum acknowledged"] == 8
    assert found["phalanx_tat_seconds_sum"] == 4


def test_what_each_hop_took_of_late_is_beside_it() -> None:
    now = SECOND
    telemetry = Telemetry(lambda: now)
    for number in range(1, 200):
        sent = 5 * SECOND + number * MILLISECOND
        telemetry.answered(Hops(SECOND, 2 * SECOND, 0, 5 * SECOND, 0, sent, sent + SECOND))

    found = metrics(telemetry)
    recent = {name.split()[1]: value for name, value in found.items() if "_recent_seconds" in name}
    assert recent["planned,1"] == recent["acknowledged,1"] == 1
    assert recent["committed,1"] == 3
    assert recent["sent,1"] == 0.199
    assert 0.100 <= recent["sent,0.5"] <= 0.100 * 33 / 32
    assert 0.198 <= recent["sent,0.99"] <= 0.199
    assert recent["tat,1"] == 4.199
    assert found["phalanx_hop_recent_orders sent"] == 199
    assert found["phalanx_hop_seconds_count sent"] == 199
    now += 3 * MINUTE
    later = metrics(telemetry)
    assert not [name for name in later if "_recent_" in name]
    assert later["phalanx_hop_seconds_count sent"] == 199


def test_every_bucket_counts_what_is_in_the_smaller_ones() -> None:
    telemetry = Telemetry(lambda: 0)
    for sent in (500 * MICROSECOND, MILLISECOND, MILLISECOND + 1, 9 * SECOND):
        telemetry.answered(Hops(received=1, sent=1 + sent))

    text = telemetry.render().decode()
    told = dict(re.findall(r'phalanx_tat_seconds_bucket{le="(.+)"} (.+)', text))
    assert [told[le] for le in ("0.0005", "0.001", "0.002", "5.0", "+Inf")] == [
        *("1.0", "2.0", "3.0", "3.0", "4.0")
    ]


@on_virtual_time
async def test_an_order_counts_once_in_the_recent_hops_whatever_its_broker_says(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    order = await rig.bought()
    rig.broker.fill(order, whole(4))
    (doubtful,) = await rig.submit(rig.buy())
    rig.broker.tickets[doubtful].done(Unknown("timeout"))
    await rig.wait()

    orders = {one.hop: one.orders for one in rig.desk.telemetry.recent_latencies()}
    assert orders == {
        "acknowledged": 1,
        **dict.fromkeys(("planned", "committed", "sent", "tat"), 2),
    }


def test_a_desk_has_a_registry_of_its_own() -> None:
    one, other = Telemetry(lambda: 0), Telemetry(lambda: 0)
    one.faults.labels("x").inc()

    assert "phalanx_faults_total x" not in metrics(other)


@pytest.mark.parametrize("hops", [Hops(), Hops(sent=5), Hops(received=5)])
def test_what_is_not_known_is_not_observed(hops: Hops) -> None:
    telemetry = Telemetry(lambda: 0)

    telemetry.answered(hops)

    assert metrics(telemetry)["phalanx_tat_seconds_count"] == 0
