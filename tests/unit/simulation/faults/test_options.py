import pytest

from phalanx.desk.pace import Pace
from phalanx.domain.capabilities import BrokerKind
from phalanx.simulation.faults.options import Options, draw, lesser, told
from phalanx.simulation.network import Rates


def test_a_seed_draws_the_same_options_each_time() -> None:
    assert draw(5) == draw(5)
    assert (
        len({told_text for seed in range(20) for told_text in ["\n".join(told(draw(seed)))]}) == 20
    )


def test_the_default_profile_has_about_two_crashes_and_every_kind_of_broker() -> None:
    drawn = [draw(seed) for seed in range(200)]

    deaths = sum(o.crashes + o.disk_faults + o.stops + o.lost_tails for o in drawn) / len(drawn)
    assert 1.5 < deaths < 3
    assert {kind for options in drawn for kind in options.kinds} == set(BrokerKind)
    assert any(options.paper for options in drawn)


def test_what_is_rare_is_drawn_in_a_few_of_a_hundred_seeds() -> None:
    drawn = [draw(seed) for seed in range(1_000)]

    shares = {
        "midnight": sum(one.midnight for one in drawn),
        "short_memory": sum(one.short_memory for one in drawn),
        "forgets": sum(one.forgets for one in drawn),
        "direct_kills": sum(one.direct_kills > 0 for one in drawn),
        "pace": sum(one.pace != Pace() for one in drawn),
    }
    assert 60 < shares["midnight"] < 160
    assert 80 < shares["short_memory"] < 160
    assert 20 < shares["forgets"] < 60
    assert 200 < shares["direct_kills"] < 450
    assert 200 < shares["pace"] < 300


def test_midnight_comes_to_brokers_of_every_kind_and_no_kill_is_lost_with_a_disk() -> None:
    drawn = [draw(seed) for seed in range(1_000)]

    assert {kind for one in drawn if one.midnight for kind in one.kinds} == set(BrokerKind)
    assert not any(one.forgets and (one.direct_kills or one.midnight) for one in drawn)


@pytest.mark.parametrize("seed", range(10))
def test_every_lesser_story_is_of_the_same_seed_and_has_less_in_it(seed: int) -> None:
    options = draw(seed)

    for smaller in lesser(options):
        assert smaller.seed == seed
        assert smaller != options
        assert smaller.crashes <= options.crashes
        assert len(smaller.kinds) <= len(options.kinds)


def test_a_story_with_nothing_in_it_has_no_lesser_one() -> None:
    nothing = Options(1, kinds=(BrokerKind.LOOK_UP,), paper=False, people=1, wishes=1)

    assert [one for one in lesser(nothing) if one != nothing] == []


def test_all_options_are_told() -> None:
    lines = told(Options(7, rates=Rates(answer_lost_bps=500)))

    assert "seed = 7" in lines
    assert "answer_lost_bps = 500" in lines
    assert "kinds = D, L, N" in lines
    assert not any(line.startswith("request_lost_bps") for line in lines)
