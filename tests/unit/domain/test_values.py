from phalanx.domain.orders import Hops


def test_waiting_and_undo_time_do_not_count_as_turnaround() -> None:
    assert Hops(received=100, held=20, waited=30, sent=400).tat == 250
    assert Hops(received=100).tat == 0
