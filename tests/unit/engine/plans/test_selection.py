from itertools import permutations

import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.instructions import EVERYBODY, Selection
from phalanx.domain.reasons import Reason
from phalanx.engine.plans.selection import chosen, shuffled
from tests.engine_world import World


@pytest.fixture
def world() -> World:
    """Client 1 with two accounts, client 2 with a live one, client 3 with one."""
    world = World()
    world.account(1)
    world.account(1, id="A1-second", primary=False)
    world.account(2, mode=Mode.LIVE)
    world.account(3)
    return world


def ids(world: World, selection: Selection, *, primary_only: bool = True) -> list[str]:
    found = chosen(world.state, 7, selection, primary_only=primary_only)
    assert not isinstance(found, Reason), found
    return sorted(account.id for account in found)


class TestShuffled:
    def test_has_everybody_once(self) -> None:
        everybody = list(range(50))

        assert sorted(shuffled(everybody, 1)) == everybody

    def test_is_the_same_for_the_same_seed(self) -> None:
        assert shuffled("abcdefgh", 5) == shuffled("abcdefgh", 5) != shuffled("abcdefgh", 6)

    def test_knows_every_order(self) -> None:
        found = {tuple(shuffled("abc", seed)) for seed in range(100)}

        assert found == set(permutations("abc"))

    @pytest.mark.parametrize("few", ["", "a"])
    def test_leaves_few_as_they_are(self, few: str) -> None:
        assert shuffled(few, 1) == list(few)


class TestChosen:
    def test_everybody_is_every_clients_primary_account(self, world: World) -> None:
        assert ids(world, EVERYBODY) == ["A1", "A2", "A3"]

    def test_or_every_account(self, world: World) -> None:
        assert ids(world, EVERYBODY, primary_only=False) == ["A1", "A1-second", "A2", "A3"]

    def test_a_client_is_its_primary_account_or_all_of_them(self, world: World) -> None:
        selection = Selection(clients=(1,))

        assert ids(world, selection) == ["A1"]
        assert ids(world, selection, primary_only=False) == ["A1", "A1-second"]

    def test_accounts_and_members_of_groups_are_who_they_are(self, world: World) -> None:
        world.group("core", **{"A1-second": "1", "A3": "2"})

        assert ids(world, Selection(groups=("core",))) == ["A1-second", "A3"]
        assert ids(world, Selection(accounts=("A1-second",))) == ["A1-second"]

    def test_is_a_union_without_repeats(self, world: World) -> None:
        world.group("core", A1="1", A3="1")

        selection = Selection(("A1", "A2"), (1, 3), ("core",))

        assert ids(world, selection) == ["A1", "A2", "A3"]

    def test_leaves_out_the_other_mode(self, world: World) -> None:
        assert ids(world, Selection(mode=Mode.PAPER)) == ["A1", "A3"]
        assert ids(world, Selection(clients=(1, 2), mode=Mode.LIVE)) == ["A2"]

    @pytest.mark.parametrize(
        ("selection", "words"),
        [
            (Selection(accounts=("A1", "A9")), "no account A9"),
            (Selection(clients=(9,)), "no client 9"),
            (Selection(groups=("core",)), "no group core"),
            (Selection(accounts=("A1",), mode=Mode.LIVE), "the instruction applies to no account"),
        ],
    )
    def test_says_why_it_is_nobody(self, world: World, selection: Selection, words: str) -> None:
        found = chosen(world.state, 7, selection, primary_only=True)

        assert str(found) == words

    def test_an_empty_group_is_nobody(self, world: World) -> None:
        world.group("none")

        found = chosen(world.state, 7, Selection(groups=("none",)), primary_only=True)

        assert str(found) == "the instruction applies to no account"
