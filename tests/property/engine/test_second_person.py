"""Whatever several people and machines ask for in whatever order: nothing is loosened by one alone."""

from contextlib import suppress

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from phalanx.domain.groups import Group, Member
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.kills import EVERYBODY, KillLevel, KillScope
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state
from tests.engine_world import World
from tests.property.engine.profile import profile

ACTORS = st.sampled_from(["ann", "bob", "local", "key:algo1", "hook:alerts"])
SCOPES = st.sampled_from([EVERYBODY, KillScope(KillLevel.ACCOUNT, "A1")])
BOUND = st.none() | st.integers(1, 3).map(whole)
LEVELS = st.sampled_from(
    [(LimitLevel.GLOBAL, ""), (LimitLevel.GROUP, "core"), (LimitLevel.ACCOUNT, "A1")]
)
RESTRICTED = st.lists(st.sampled_from(["NSE:1", "NSE:2"]), unique=True).map(tuple)
LIMITS = st.builds(
    lambda level, *bounds: Limit(*level, *bounds),
    LEVELS,
    BOUND,
    BOUND,
    BOUND,
    st.none() | st.integers(1, 3),
    RESTRICTED,
)
EACH_ONCE = st.lists(LIMITS, max_size=3, unique_by=lambda one: one.level)
MEMBERS = st.lists(st.sampled_from(["A1", "A2"]), unique=True)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "value_max": st.integers(1, 3).map(whole),
        "two_persons": st.booleans(),
        "change_expires_s": st.integers(1, 5),
        "changes_max": st.integers(1, 4),
    },
)


class Desk(RuleBasedStateMachine):
    """The world checks after every command what ``simulation.invariants.persons`` says."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.account(1)
        self.world.account(2)
        self.world.settings(two_persons=True)

    def do(self, command: c.Command) -> None:
        with suppress(Refused):
            self.world.do(command)

    def change(self, which: int) -> str:
        """A change that waits, or one that does not."""
        waiting = list(self.world.state.changes)
        return waiting[which % len(waiting)] if waiting else "C0"

    @rule(actor=ACTORS, scope=SCOPES)
    def kill(self, actor: str, scope: KillScope) -> None:
        self.do(c.PutKill(Origin(actor, Door.KILL), scope))

    @rule(actor=ACTORS, scope=SCOPES)
    def lift(self, actor: str, scope: KillScope) -> None:
        self.do(c.LiftKill(Origin(actor, Door.KILL), scope))

    @rule(actor=ACTORS, limits=EACH_ONCE, removed=st.lists(LEVELS, max_size=1))
    def limit(self, actor: str, limits: list[Limit], removed: list[tuple[LimitLevel, str]]) -> None:
        self.do(c.PutLimits(Origin(actor, Door.LIMITS), tuple(limits), tuple(removed)))

    @rule(actor=ACTORS, members=st.none() | MEMBERS)
    def group(self, actor: str, members: list[str] | None) -> None:
        origin = Origin(actor, Door.GROUPS)
        if members is None:
            self.do(c.PutGroups(origin, removed=("core",)))
        else:
            self.do(c.PutGroups(origin, (Group("core", tuple(map(Member, members))),)))

    @rule(actor=ACTORS, name=st.sampled_from(["Client 1", "Client 2", "new"]))
    def importing(self, actor: str, name: str) -> None:
        self.do(c.ImportClients(Origin(actor, Door.IMPORT), (c.ImportedClient(name, 0, "core"),)))

    @rule(actor=ACTORS, changes=SETTINGS)
    def settings(self, actor: str, changes: dict[str, int]) -> None:
        wanted = msgspec.structs.replace(self.world.state.settings, **changes)
        self.do(c.PutReference(Origin(actor, Door.SETTINGS), settings=wanted))

    @rule(actor=ACTORS, which=st.integers(0, 9))
    def approve(self, actor: str, which: int) -> None:
        self.do(c.ApproveChange(Origin(actor, Door.CHANGES), self.change(which)))

    @rule(actor=ACTORS, which=st.integers(0, 9))
    def decline(self, actor: str, which: int) -> None:
        self.do(c.DeclineChange(Origin(actor, Door.CHANGES), self.change(which)))

    @rule(seconds=st.integers(0, 3))
    def tick(self, seconds: int) -> None:
        self.world.wait(seconds)
        self.do(c.Tick())

    @rule()
    def restart(self) -> None:
        self.world.state = decode_state(encode_state(self.world.state))

    @invariant()
    def only_so_many_wait_and_none_by_two_names(self) -> None:
        waiting = self.world.state.changes
        assert all(key == asked.id for key, asked in waiting.items())


TestSecondPerson = Desk.TestCase
TestSecondPerson.settings = profile(60, 40)


def test_the_invariant_sees_a_kill_that_one_person_lifted_alone() -> None:
    """Against a property that holds because nothing is ever loosened."""
    world = World()
    ann, bob = Origin("ann", Door.KILL), Origin("bob", Door.CHANGES)
    world.do(c.PutKill(ann))
    world.settings(two_persons=True)
    world.do(c.LiftKill(ann))
    (change,) = world.state.changes
    world.do(c.ApproveChange(bob, change))

    assert world.second_person.loosened == 1
