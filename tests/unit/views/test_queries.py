"""Lists: what they find, how they page, and what they refuse."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phalanx.domain.instructions import InstructionStatus
from phalanx.domain.orders import OrdStatus
from phalanx.views import queries
from phalanx.views.queries import LIMIT_MAX, Views
from phalanx.views.readers import ViewsUnavailable
from phalanx.views.rows import LogRow, OrderRow
from tests.unit.views.lives import Lives
from tests.unit.views.records import Records, follow


@pytest.fixture
def lives() -> Lives:
    return Lives()


@pytest.fixture
def source(lives: Lives) -> Records:
    """Six signals for three accounts: the first three filled, of the others one each."""
    made = Records()
    made.append(*lives.people())
    for number in range(6):
        strategy, instrument = ("RED", "BLUE")[number % 2], f"NSE:{number % 3}"
        if number < 3:
            made.append(*lives.whole_life(strategy, instrument))
        else:
            planned = lives.signal(strategy, instrument)
            filled = lives.filled(planned.orders[0].cl_ord_id)
            made.append(planned, lives.dispatched(planned), filled)
    return made


@pytest.fixture
def views(path: Path, source: Records) -> Iterator[Views]:
    follow(path, source)
    found = Views(path)
    yield found
    found.close()


FILTERS: list[tuple[dict[str, Any], int]] = [
    ({}, 18),
    ({"account": "A1"}, 6),
    ({"client_id": 1}, 12),
    ({"client_id": 2}, 6),
    ({"client_id": 3}, 0),
    ({"instrument": "NSE:0"}, 6),
    ({"strategy": "RED"}, 9),
    ({"status": OrdStatus.FILLED}, 12),
    ({"status": OrdStatus.SENT}, 6),
    ({"status": OrdStatus.NEW}, 0),
    ({"status": OrdStatus.CANCELED}, 0),
    ({"open_only": True}, 6),
    ({"instruction": "IAA00000001"}, 3),
    ({"instruction": "IAA00000009"}, 0),
    ({"account": "A1", "strategy": "RED"}, 3),
    ({"client_id": 1, "strategy": "RED"}, 6),
    ({"client_id": 1, "account": "A0"}, 6),
    ({"client_id": 2, "account": "A0"}, 0),
    ({"client_id": 1, "status": OrdStatus.FILLED}, 9),
    ({"client_id": 1, "status": OrdStatus.SENT}, 3),
    ({"client_id": 1, "open_only": True, "instrument": "NSE:2"}, 1),
    ({"open_only": True, "status": OrdStatus.FILLED}, 0),
    ({"instruction": "IAA00000004", "open_only": True}, 2),
    ({"instruction": "IAA00000004", "status": OrdStatus.FILLED, "account": "A0"}, 1),
]


def fits(row: OrderRow | LogRow, filters: dict[str, Any]) -> bool:
    """Whether an order has what the filters ask for, looked at one by one."""
    names = {"instruction": "instruction_id", "open_only": "leaves_quantity"}
    return all(
        bool(getattr(row, names[name]))
        if wanted is True
        else getattr(row, names.get(name, name)) == wanted
        for name, wanted in filters.items()
    )


@pytest.mark.parametrize(("filters", "total"), FILTERS)
def test_filters_find_what_fits_and_count_it(
    views: Views, filters: dict[str, Any], total: int
) -> None:
    everything = views.orders(limit=LIMIT_MAX).items

    page = views.orders(**filters)

    assert page.items == tuple(row for row in everything if fits(row, filters))
    assert page.total == len(page.items) == total
    assert page.as_of == views.as_of()


@pytest.mark.parametrize(("filters", "total"), FILTERS)
def test_pages_put_together_are_the_list(views: Views, filters: dict[str, Any], total: int) -> None:
    whole = views.orders(**filters).items

    pages = [views.orders(**filters, skip=skip, limit=4) for skip in range(0, total + 4, 4)]

    assert tuple(row for page in pages for row in page.items) == whole
    assert {page.total for page in pages} == {total}


def test_the_latest_order_comes_first(views: Views) -> None:
    ids = [row.cl_ord_id for row in views.orders().items]

    assert ids == sorted(ids, reverse=True)


LOG_FILTERS: list[tuple[dict[str, Any], int]] = [
    ({}, 30),
    ({"account": "A0"}, 12),
    ({"client_id": 1}, 21),
    ({"instrument": "NSE:1"}, 10),
    ({"strategy": "BLUE"}, 14),
    ({"client_id": 2, "strategy": "BLUE"}, 4),
    ({"account": "A0", "instrument": "NSE:1"}, 4),
    ({"client_id": 9}, 0),
]


@pytest.mark.parametrize(("filters", "total"), LOG_FILTERS)
def test_the_log_is_filtered_and_counted(views: Views, filters: dict[str, Any], total: int) -> None:
    everything = views.order_log(limit=LIMIT_MAX).items

    page = views.order_log(**filters)

    assert page.items == tuple(row for row in everything if fits(row, filters))
    assert page.total == len(page.items) == total


@pytest.mark.parametrize(("filters", "total"), LOG_FILTERS)
def test_the_log_can_be_followed_from_an_event_on(
    views: Views, filters: dict[str, Any], total: int
) -> None:
    backwards = views.order_log(**filters).items
    seq = backwards[3].seq if len(backwards) > 3 else 0

    page = views.order_log(**filters, since_seq=seq)

    assert page.items == tuple(row for row in reversed(backwards) if row.seq > seq)
    assert page.total == total
    assert views.order_log(**filters, since_seq=views.as_of()).items == ()
    assert views.order_log(**filters, since_seq=2**62).items == ()


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        ({}, 6),
        ({"status": InstructionStatus.WORKING}, 3),
        ({"status": InstructionStatus.DONE}, 3),
        ({"kind": "signal"}, 6),
        ({"kind": "order"}, 0),
        ({"kind": "signal", "status": InstructionStatus.DONE}, 3),
    ],
)
def test_instructions_are_filtered_and_counted(
    views: Views, filters: dict[str, Any], total: int
) -> None:
    page = views.instructions(**filters, limit=2)

    assert page.total == total
    assert len(page.items) == min(2, total)
    ids = [row.id for row in views.instructions(**filters).items]
    assert ids == sorted(ids, reverse=True)


def test_what_is_not_there_is_none(views: Views) -> None:
    assert views.order("AA0ZZZZZZZ") is None
    assert views.instruction("IAA0ZZZZZZZ") is None
    assert views.fills("AA0ZZZZZZZ") == ()
    assert views.tat("IAA0ZZZZZZZ") == 0


def test_nothing_happened_yet(path: Path) -> None:
    follow(path, Records())
    views = Views(path)

    assert views.orders(client_id=1) == views.orders()
    assert (views.orders().items, views.orders().total, views.orders().as_of) == ((), 0, 0)
    views.close()


@pytest.mark.parametrize(
    "bad", [{"limit": 0}, {"limit": LIMIT_MAX + 1}, {"skip": -1}, {"skip": 2**64}]
)
def test_bounds_are_kept(views: Views, bad: dict[str, int]) -> None:
    lists: list[Callable[..., object]] = [
        views.orders,
        views.instructions,
        views.order_log,
        views.kills,
    ]
    for query in lists:
        with pytest.raises(ValueError, match=r"skip|limit"):
            query(**bad)


def test_a_value_that_no_row_could_have_is_refused(views: Views) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        views.orders(client_id=2**80)
    with pytest.raises(ValueError, match="surrogates"):
        views.orders(account="\ud800")


NASTY = [
    "A1' OR '1'='1",
    "'; DROP TABLE orders; --",
    'A"1',
    "100%_",
    "ग्राहक 🛡\x00\n\t\\",
    "?1",
    "[{}]",
]


@pytest.mark.parametrize("nasty", NASTY)
def test_names_are_never_read_as_sql_or_json(path: Path, nasty: str) -> None:
    lives, source = Lives(), Records()
    lives.accounts = [nasty]
    events = [*lives.people(), *lives.whole_life(nasty, f"NSE:{nasty}")]
    client = events[0].client  # type: ignore[union-attr]
    events[0] = type(events[0])(1, events[0].origin, type(client)(1, nasty))  # type: ignore[union-attr, call-arg, arg-type]
    source.append(*events)
    follow(path, source)
    views = Views(path)

    for filters in ({"account": nasty}, {"strategy": nasty}, {"instrument": f"NSE:{nasty}"}):
        (row,) = views.orders(**filters).items  # type: ignore[arg-type]
        assert (row.account, row.strategy, row.client_name) == (nasty, nasty, nasty)
        assert (row.instrument, row.symbol) == (f"NSE:{nasty}", nasty)
        assert views.order_log(**filters).total == 2  # type: ignore[arg-type]
    assert views.order(nasty) is None
    assert views.instruction(nasty) is None
    assert views.orders(instruction=nasty).total == 0
    assert views.instructions(kind=nasty).total == 0
    views.close()


# --- asking from the loop -------------------------------------------------------------------------


async def test_the_loop_asks_in_a_thread(views: Views) -> None:
    page = await views.ask(views.orders, account="A1", limit=2)

    assert (page.total, len(page.items)) == (6, 2)
    with pytest.raises(ValueError, match="limit"):
        await views.ask(views.orders, limit=0)


async def test_too_many_questions_at_once_are_turned_away(
    path: Path, source: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ASKED_MAX", 3)
    follow(path, source)
    views = Views(path)
    go_on = threading.Event()
    asked = [asyncio.ensure_future(views.ask(go_on.wait)) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(ViewsUnavailable, match="3 queries"):
        await views.ask(views.as_of)
    go_on.set()
    await asyncio.gather(*asked)

    assert await views.ask(views.as_of) == source.seq
    views.close()


async def test_nothing_is_answered_after_the_end(path: Path, source: Records) -> None:
    follow(path, source)
    views = Views(path)
    views.close()

    with pytest.raises(ViewsUnavailable):
        views.as_of()
    with pytest.raises(ViewsUnavailable):
        await views.ask(views.as_of)


def test_readers_in_many_threads(views: Views) -> None:
    found: list[int] = []

    def read() -> None:
        found.extend(views.orders(client_id=1, limit=5).total for _ in range(20))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [12] * 160
