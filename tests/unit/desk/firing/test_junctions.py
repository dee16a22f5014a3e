"""Junctions: the first of many is found without looking at the others."""

from phalanx.desk.firing.junctions import STALE_MAX, Junction
from phalanx.desk.firing.windows import MovingWindow
from phalanx.domain.accounts import RateLimit
from phalanx.domain.time import SECOND


def roads(onto: Junction, count: int) -> list[Junction]:
    return [Junction(number + 1, (), onto) for number in range(count)]


def test_the_urgent_come_first_and_each_in_its_turn() -> None:
    found = Junction(0)
    one, two, three = roads(found, 3)
    found.stands(one, (True, "o1"))
    found.stands(two, (True, "o0"))
    found.stands(three, (False, "x9"))

    order = []
    while (road := found.first()) is not None:
        order.append(road)
        found.stands(road, None)

    assert order == [three, two, one]
    assert found.best() is None


def test_who_offers_somebody_else_stands_where_that_one_belongs() -> None:
    found = Junction(0)
    one, two = roads(found, 2)
    found.stands(one, (True, "o1"))
    found.stands(two, (True, "o2"))

    found.stands(one, (True, "o3"))
    assert found.first() is two
    found.stands(one, (True, "o1"))

    assert found.first() is one
    assert found.best() == (True, "o1")


def test_who_leads_elsewhere_now_does_not_stand_here() -> None:
    found = Junction(0)
    (road,) = roads(found, 1)
    found.stands(road, (True, "o1"))

    road.onto = Junction(9)

    assert found.first() is None


def test_its_limits_say_when_the_first_may_go() -> None:
    found = Junction(0, [MovingWindow(RateLimit(2, 1_000, 1), -SECOND)])
    (road,) = roads(found, 1)
    assert found.moves_at(0) is None
    found.windows[0].reserve()
    found.windows[0].written(5)

    found.stands(road, (True, "o1"))
    assert found.moves_at(6) == 5 + SECOND
    found.stands(road, (False, "x1"))
    assert found.moves_at(6) == 6


def test_it_keeps_no_more_than_stands_there_and_a_few() -> None:
    found = Junction(0)
    many = roads(found, 10)
    for number in range(1_000):
        for road in many:
            found.stands(road, (True, f"o{number:04}{road.number:02}"))

    assert len(found._heap) <= 2 * len(many) + STALE_MAX
    assert found.first() is many[0]
