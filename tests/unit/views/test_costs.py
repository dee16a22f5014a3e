"""What a page costs among a hundred thousand orders: counted in SQLite's plans and steps, not in time."""

import re
from pathlib import Path
from typing import Any

import pytest

from phalanx.domain.orders import OrdStatus
from phalanx.views.queries import Views
from phalanx.views.rows import TradeStatus
from phalanx.views.schema import open_for_reading
from tests.unit.views.lives import Lives
from tests.unit.views.records import Records, follow


class Costs:
    """A reader that tells how SQLite means to answer, and how many steps it took."""

    def __init__(self, views: Views, path: Path) -> None:
        self.views = views
        found = open_for_reading(path)
        assert found is not None
        self.connection = found
        self.plan: list[str] = []
        self.steps = 0
        self.connection.set_progress_handler(self._step, 10)
        views._fetch = self._fetch  # type: ignore[method-assign]

    def _step(self) -> bool:
        self.steps += 10
        return False

    def _fetch(self, statement: str, values: tuple[int | str, ...]) -> tuple[object, ...]:
        rows = self.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        self.plan += [str(row[3]) for row in rows]
        self.steps = 0
        return self.connection.execute(statement, values).fetchone() or ()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred thousand orders of a hundred accounts, the last thousand of them open."""
    path = tmp_path_factory.mktemp("many") / "views.db"
    lives, source = Lives(100), Records()
    source.append(*lives.people())
    for number in range(990):
        strategy = "RARE" if number == 500 else ("RED", "BLUE")[number % 2]
        source.append(*lives.whole_life(strategy, f"NSE:{number % 5}"))
    for _ in range(10):
        planned = lives.signal("RED", "NSE:1")
        source.append(planned, lives.dispatched(planned))
    follow(path, source)
    return path


SCANS = re.compile(
    r"SCAN (?:orders|order_log|instructions|totals|[fnopqrstx])\b(?!.* INDEX orders_open$)"
)
"""Reading all of a table that grows, by its name or alias; of the open orders it may, and of the
page's own keys (``k``)."""


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        ({"account": "A7"}, 1_000),
        ({"client_id": 1}, 2_000),
        ({"instrument": "NSE:3"}, 19_800),
        ({"strategy": "BLUE"}, 49_500),
        ({"status": OrdStatus.FILLED}, 99_000),
        ({"status": OrdStatus.SENT}, 1_000),
        ({"open_only": True}, 1_000),
        ({"instruction": "IAA0000001A"}, 100),
        ({"strategy": "BLUE", "account": "A7"}, 495),
        ({"status": OrdStatus.FILLED, "strategy": "RARE"}, 100),
        ({"client_id": 1, "open_only": True}, 20),
        ({"client_id": 1, "status": OrdStatus.FILLED}, 1_980),
    ],
)
def test_a_page_of_orders_walks_an_index(many: Path, filters: dict[str, Any], total: int) -> None:
    views = Views(many)
    costs = Costs(views, many)

    page = views.orders(**filters)

    assert page.total == total
    assert len(page.items) == min(100, total)
    assert [line for line in costs.plan if SCANS.search(line)] == []
    assert any("USING" in line and "INDEX orders_" in line for line in costs.plan)
    assert costs.steps < 45_000, "a page and the rows of its rarest filter, not a hundred thousand"
    views.close()


@pytest.mark.parametrize(
    "filters",
    [{"account": "A7"}, {"client_id": 1}, {"instrument": "NSE:3"}, {"strategy": "BLUE"}],
)
def test_a_page_of_the_log_walks_an_index(many: Path, filters: dict[str, Any]) -> None:
    for since_seq in (None, 50_000):
        views = Views(many)
        costs = Costs(views, many)

        page = views.order_log(**filters, since_seq=since_seq)

        assert len(page.items) == 100
        assert [line for line in costs.plan if SCANS.search(line)] == []
        assert any("INDEX order_log_" in line for line in costs.plan)
        assert costs.steps < 30_000
        views.close()


def test_a_page_without_filters_reads_a_page(many: Path) -> None:
    views = Views(many)
    costs = Costs(views, many)

    for query in (views.orders, views.order_log, views.instructions):
        assert len(query().items) == 100
        assert costs.steps < 30_000
    assert views.orders().total == 100_000
    assert views.order_log().total == 199_000
    views.close()


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        ({}, 100_000),
        ({"account": "A7"}, 1_000),
        ({"client_id": 1}, 2_000),
        ({"instrument": "NSE:3"}, 19_800),
        ({"status": TradeStatus.PENDING}, 1_000),
        ({"status": TradeStatus.ACTIVE}, 99_000),
        ({"status": TradeStatus.CLOSED}, 0),
        ({"client_id": 1, "status": TradeStatus.ACTIVE}, 1_980),
        ({"account": "A7", "instrument": "NSE:3", "status": TradeStatus.ACTIVE}, 198),
        ({"client_id": 1, "instrument": "NSE:1"}, 416),
    ],
)
def test_a_page_of_trades_walks_an_index(many: Path, filters: dict[str, Any], total: int) -> None:
    views = Views(many)
    costs = Costs(views, many)

    page = views.trades(**filters)

    assert page.total == total
    assert len(page.items) == min(100, total)
    assert [line for line in costs.plan if SCANS.search(line)] == []
    # Of a status alone: the active ones are sorted by key, or walked past.
    assert costs.steps < (1_500_000 if filters.keys() == {"status"} else 100_000)
    views.close()


def test_single_things_are_found_by_an_index(many: Path) -> None:
    views = Views(many)
    costs = Costs(views, many)

    assert views.order("AA00000012") is not None
    assert costs.steps < 1_000
    assert len(views.fills("AA00000012")) == 1
    assert costs.steps < 1_000
    tree = views.instruction("IAA0000001A")
    assert tree is not None
    assert len(tree.orders) == 100
    assert costs.steps < 60_000
    assert [line for line in costs.plan if SCANS.search(line)] == []
    views.close()
