"""Made-up people, profiles and orders: random, and the same for the same seed."""

import itertools
import json
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Failure
from phalanx.cli.producing.random_orders import RandomOrders
from phalanx.cli.profiles.people import people
from phalanx.cli.profiles.random_profiles import (
    INSTRUMENTS,
    Details,
    letters,
    made_up_details,
    random_profiles,
    read_details,
)
from phalanx.domain.profiles import read_profiles
from tests.unit.cli.doubles import run


def test_people_are_different_and_follow_their_seed() -> None:
    names = people(3_000, 7, ("Holland Proctor",))

    assert names[0] == "Holland Proctor"
    assert len(set(names)) == len(names) == 3_000
    assert names == people(3_000, 7, ("Holland Proctor",))
    assert names[1:] != people(3_000, 8, ("Holland Proctor",))[1:]
    assert people(1, 7, ("A", "B")) == ["A"]


def test_letters() -> None:
    assert [letters(number) for number in (0, 1, 25, 26, 27, 701, 702)] == [
        *("A", "B", "Z", "AA", "AB", "ZZ", "AAA")
    ]


def test_profiles_name_what_they_may() -> None:
    profiles = random_profiles(made_up_details(50, 9, 3), 3)

    assert len(profiles) == 50
    assert {name for own in profiles.values() for name in own} == {
        f"STRATEGY_{letter}" for letter in "ABCDEFGHI"
    }
    for own in profiles.values():
        assert 1 <= len(own) <= 4
        for instruments in own.values():
            assert 1 <= len(instruments) == len(set(instruments)) <= 5
            assert set(instruments) <= set(INSTRUMENTS)


def test_one_of_each_is_enough() -> None:
    profiles = random_profiles(Details(("A",), ("S",), ("X",)), 1)

    assert profiles == {"A": {"S": ["X"]}}


def test_generate_writes_a_file_that_can_be_imported(tmp_path: Path) -> None:
    file = tmp_path / "profiles.json"
    words = ("profiles", "generate", "--users", "20", "--strategies", "4", "--seed", "5")
    printed = run(*words)
    written = run(*words, "--out", str(file))

    assert (printed.exit_code, written.exit_code, written.stdout) == (0, 0, "")
    assert printed.stdout == file.read_text()
    assert len(read_profiles(file.read_bytes())) == 20
    assert [path.name for path in tmp_path.iterdir()] == ["profiles.json"]


def test_generate_takes_names_from_raw_details(tmp_path: Path) -> None:
    file = tmp_path / "details.json"
    file.write_text('{"USERS": ["U", "V", "U"], "STRATEGIES": ["S"], "INSTRUMENTS": ["X"]}')
    result = run("profiles", "generate", "--details", str(file))

    assert json.loads(result.stdout) == {"U": {"S": ["X"]}, "V": {"S": ["X"]}}
    both = run("profiles", "generate", "--details", str(file), "--users", "3")
    assert (both.exit_code, "EITHER_OR" in both.stderr) == (2, True)


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b'{"USERS": [], "STRATEGIES": ["S"], "INSTRUMENTS": ["X"]}',
        b'{"USERS": ["U"], "STRATEGIES": ["S"]}',
        b'{"USERS": ["U"], "STRATEGIES": ["S"], "INSTRUMENTS": ["X"], "MORE": []}',
        b"\xff",
    ],
)
def test_bad_details_are_refused(content: bytes) -> None:
    with pytest.raises(Failure, match="BAD_DETAILS"):
        read_details(content)


def test_orders_follow_their_seed_and_name_what_exists() -> None:
    names = {"S": ["X", "Y"], "T": ["Z"], "EMPTY": list[str]()}
    orders = [RandomOrders(names, 11) for _ in range(2)]
    rows = [(orders[0].next(), orders[1].next()) for _ in range(300)]

    assert all(first == second for first, second in rows)
    assert {row["STRATEGY"] for row, _ in rows} == {"S", "T"}
    assert {row["INSTRUMENT"] for row, _ in rows} == {"X", "Y", "Z"}
    assert {row["POSITION"] for row, _ in rows} == {"BUY", "SELL"}


def test_most_orders_make_sense() -> None:
    orders = RandomOrders({"S": ["X"]}, 1)
    positions = [orders.next()["POSITION"] for _ in range(1_000)]
    changes = sum(before != after for before, after in itertools.pairwise(positions))

    assert 700 < changes < 900


def test_orders_without_a_name_cannot_be_made() -> None:
    with pytest.raises(AssertionError):
        RandomOrders({"S": []}, 1)
