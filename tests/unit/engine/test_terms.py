from phalanx.domain.events import DeskFounded, TermBegan
from phalanx.domain.orders import OrdStatus
from phalanx.engine import commands as c
from phalanx.engine.state import State
from tests.engine_world import World


def test_the_first_term_founds_the_desk_and_no_other_does() -> None:
    world = World()

    (began,) = world.do(c.BeginTerm(2, "0.2", "ZZ", 5))

    assert [type(event) for event in world.journal] == [DeskFounded, TermBegan, TermBegan]
    assert began == TermBegan(world.now, 2, "0.2", ())
    assert (world.state.desk_id, world.state.shard, world.state.epoch) == ("AA", 0, 2)


def test_what_was_sent_and_not_answered_is_in_doubt_after_a_restart() -> None:
    world = World()
    world.account(1)
    ids = [world.order(quantity=f"{n}").orders[0].cl_ord_id for n in range(1, 6)]
    waiting, sent, known, part, ended = ids
    world.sent(sent)
    world.accepted(known)
    world.filled(part, "1")
    world.filled(ended)

    (began,) = world.do(c.BeginTerm(2, "0.2", "ZZ"))

    assert isinstance(began, TermBegan)
    assert began.doubted == (sent,)
    assert [world.status(x) for x in ids] == [
        OrdStatus.PENDING_NEW,
        OrdStatus.IN_DOUBT,
        OrdStatus.NEW,
        OrdStatus.PARTIALLY_FILLED,
        OrdStatus.FILLED,
    ]
    assert world.book().doubts == {"NSE:6": 1}
    assert world.do(c.BeginTerm(3, "0.2", "ZZ"))[0].doubted == ()  # type: ignore[union-attr]
    world.sent(waiting)
    assert world.status(waiting) is OrdStatus.SENT


def test_a_new_state_is_nobodys() -> None:
    assert State().desk_id == ""
    assert State().seq == 0
