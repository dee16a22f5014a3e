"""Clients, accounts, names and kills in the views."""

from phalanx.domain.events import LocalInstrumentPut
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.instruments import Instrument
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.numbers import whole
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, fixed
from tests.unit.views.records import rows
from tests.unit.views.watched import Watched


def test_a_client_is_shown_by_its_present_name(watched: Watched) -> None:
    world = watched.world
    cl_ord_id = world.order().orders[0].cl_ord_id
    client = world.state.clients[1]
    renamed = type(client)(1, "Holland Proctor", created_at=5)
    world.do(c.PutReference(LOCAL, (renamed,)))

    assert watched.order(cl_ord_id).client_name == "Holland Proctor"
    assert watched.log()[0].client_name == "Holland Proctor"


def test_an_account_keeps_its_latest_terms(watched: Watched) -> None:
    watched.world.account(charge_bps=20, cash="0", enabled=False)

    (row,) = rows(watched.connection(), "SELECT id, client_id, charge_bps, enabled FROM accounts")

    assert row == ("A1", 1, 20, 0)


def test_a_local_instrument_has_its_symbol(watched: Watched) -> None:
    world = watched.world
    local = Instrument("LOCAL:TEA", "LOCAL", "TEA", "TEA", "EQ", whole(1), fixed("0.05"))
    world.journal.append(LocalInstrumentPut(world.now, LOCAL, local))

    found = rows(watched.connection(), "SELECT symbol FROM instruments WHERE key = 'LOCAL:TEA'")

    assert found == ["TEA"]


def test_kills_are_listed_latest_first(watched: Watched) -> None:
    world = watched.world
    origin = Origin("olga", Door.KILL, "request-9")
    world.do(c.PutKill(origin, note="news"))
    world.do(c.PutKill(origin, KillScope(KillLevel.ACCOUNT, "A1")))
    world.do(c.LiftKill(origin, note="over"))

    page = watched.views.kills(limit=2)

    assert (page.total, page.as_of) == (3, world.state.seq)
    assert [(row.level, row.name, row.lifted, row.note) for row in page.items] == [
        (KillLevel.ALL, "", True, "over"),
        (KillLevel.ACCOUNT, "A1", False, ""),
    ]
    assert (page.items[0].actor, page.items[0].door) == ("olga", Door.KILL)
    assert watched.views.kills(skip=2).items[0].note == "news"
