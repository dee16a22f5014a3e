from phalanx.api.tickets import LIFE_NS, PER_SESSION_MAX, WAITING_MAX, Tickets
from phalanx.domain.access import LOCAL, Permission, Principal, PrincipalKind


def person(session: str) -> Principal:
    return Principal("ann", PrincipalKind.USER, frozenset({Permission.READ}), session=session)


def test_a_ticket_is_good_once() -> None:
    tickets = Tickets()
    ticket = tickets.give(person("s"), 0).reveal()

    assert tickets.take(ticket, LIFE_NS - 1) == person("s")
    assert tickets.take(ticket, LIFE_NS - 1) is None


def test_a_ticket_that_is_too_old_is_good_for_nothing() -> None:
    tickets = Tickets()
    ticket = tickets.give(LOCAL, 5).reveal()

    assert tickets.take(ticket, 5 + LIFE_NS) is None
    assert tickets.take(ticket, 5) is None


def test_what_is_no_ticket_is_nobodys() -> None:
    assert Tickets().take("", 0) is None


def test_one_session_takes_no_room_from_others() -> None:
    tickets = Tickets()
    other = tickets.give(person("other"), 0).reveal()
    mine = [tickets.give(person("mine"), 0).reveal() for _ in range(PER_SESSION_MAX + 1)]

    assert tickets.take(mine[0], 1) is None
    assert tickets.take(mine[1], 1) == person("mine")
    assert tickets.take(other, 1) == person("other")


def test_the_oldest_goes_where_there_are_too_many() -> None:
    tickets = Tickets()
    given = [tickets.give(person(str(n)), 0).reveal() for n in range(WAITING_MAX + 1)]

    assert tickets.take(given[0], 1) is None
    assert tickets.take(given[1], 1) == person("1")


def test_those_that_are_over_take_no_room() -> None:
    tickets = Tickets()
    for number in range(WAITING_MAX):
        tickets.give(person(str(number)), 0)
    kept = tickets.give(person("a"), LIFE_NS - 1).reveal()
    tickets.give(person("b"), LIFE_NS)

    assert tickets.take(kept, LIFE_NS) == person("a")
