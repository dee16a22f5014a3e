"""How long hops take, at each place that tells it: the same numbers, by hand from the orders' hops."""

import asyncio
import gc
from pathlib import Path
from typing import Any

import msgspec

from phalanx.bootstrap.system import GC_THRESHOLD
from phalanx.domain.latency import percentile
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site

STEPS = {
    "planned": ("received_ns", "planned_ns"),
    "committed": ("planned_ns", "committed_ns"),
    "sent": ("committed_ns", "sent_ns"),
    "acknowledged": ("sent_ns", "acknowledged_ns"),
    "first_fill": ("sent_ns", "first_fill_ns"),
}


def by_hand(tree: Any) -> list[dict[str, object]]:  # noqa: ANN401  JSON
    """What its orders' hops come to; none of them was held or waited."""
    hops = [order["hops"] for order in tree["orders"]]
    assert not any(way["held_ns"] or way["waited_ns"] for way in hops)
    took = {
        hop: sorted(way[end] - way[start] for way in hops) for hop, (start, end) in STEPS.items()
    }
    took["tat"] = sorted(order["tat_ns"] for order in tree["orders"])
    return [
        {
            "hop": hop,
            "orders": len(ranked),
            "p50_ns": percentile(ranked, 50),
            "p99_ns": percentile(ranked, 99),
            "max_ns": ranked[-1],
        }
        for hop, ranked in took.items()
    ]


async def bought(site: Site, people: int = 5) -> Any:  # noqa: ANN401  JSON
    """The tree of a signal for so many accounts, all of them filled."""
    await site.profiles({f"U{number}": {"RED": ["INFY"]} for number in range(people)})
    signal = await site.signal("RED", "INFY", "BUY")
    path = f"/api/v1/instructions/{signal['instruction_id']}"

    async def done() -> bool:
        return bool((await site.get(path))["status"] == "DONE")

    await site.until(done)
    return await site.get(path)


async def test_an_instruction_tells_what_the_hops_of_its_orders_took(site: Site) -> None:
    tree = await bought(site)

    assert len(tree["orders"]) == 5
    assert tree["latencies"] == by_hand(tree)
    assert tree["latencies"][-1]["max_ns"] == tree["tat_ns"]


async def test_another_process_tells_the_same_of_it(tmp_path: Path) -> None:
    async with open_site(tmp_path / "data") as site:
        before = await bought(site)
    async with open_site(tmp_path / "data") as site:
        after = await site.get(f"/api/v1/instructions/{before['instruction_id']}")
        recent = await site.get("/api/v1/latency")

    assert after["latencies"] == before["latencies"]
    assert recent == {"items": []}


async def test_the_desk_tells_what_hops_took_of_late(site: Site) -> None:
    tree = await bought(site)
    of_one = [latency for latency in tree["latencies"] if latency["hop"] != "first_fill"]

    recent = (await site.get("/api/v1/latency"))["items"]
    text = (await site.http.get("/metrics")).text

    exact = ("hop", "orders", "max_ns")
    assert [[row[name] for name in exact] for row in recent] == [
        [row[name] for name in exact] for row in of_one
    ]
    for ours, theirs in zip(recent, of_one, strict=True):
        assert theirs["p50_ns"] <= ours["p50_ns"] <= theirs["p50_ns"] * 33 / 32
        assert theirs["p99_ns"] <= ours["p99_ns"] <= theirs["p99_ns"] * 33 / 32
        for quantile, field in (("0.5", "p50_ns"), ("0.99", "p99_ns"), ("1", "max_ns")):
            sample = f'phalanx_hop_recent_seconds{{hop="{ours["hop"]}",quantile="{quantile}"}}'
            assert f"{sample} {ours[field] / 1e9}\n" in text


async def test_the_stream_tells_those_of_an_instruction_too(site: Site) -> None:
    reader = site.system.desk.stream.join(("instructions",))
    tree = await bought(site)

    rows = []
    async with asyncio.timeout(10):
        async for message in reader:
            rows += msgspec.json.decode(message)["items"]
            if rows and rows[-1]["status"] == "DONE":
                break
    assert rows[0]["latencies"] == []
    assert rows[-1]["latencies"] == [
        latency for latency in tree["latencies"] if latency["hop"] != "first_fill"
    ]


async def test_the_collector_leaves_what_the_start_made_and_tells_of_what_it_does(
    tmp_path: Path,
) -> None:
    threshold, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        async with open_site(tmp_path / "data") as site:
            await site.profiles(WORKED_EXAMPLE)
            assert gc.get_freeze_count() > frozen
            assert gc.get_threshold() == GC_THRESHOLD
            gc.collect(1)
            text = (await site.http.get("/metrics")).text
            watchers = len(gc.callbacks)
        assert 'phalanx_gc_collections_total{generation="1"} 1.0' in text
        assert 'phalanx_gc_pause_max_seconds{generation="1"} 0.0\n' not in text
        assert len(gc.callbacks) == watchers - 1
    finally:
        gc.set_threshold(*threshold)
