"""Whatever is done, in whichever order: what is in memory is what a fresh start would read."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pyotp import TOTP

from phalanx.access.directory import Directory, Tokens
from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.login import Attempt
from phalanx.access.machine_keys import Issued, NewKey
from phalanx.access.picture import Picture, Totp
from phalanx.access.second_factor import STEP_NS
from phalanx.access.sessions import End
from phalanx.access.users import Duties
from phalanx.domain.access import Fence, Permission, Role
from phalanx.domain.secrets import Secret
from phalanx.domain.time import DAY, HOUR, MINUTE
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import ADMIN, ANOTHER, PASSWORD, bearer, open_directory

NAMES = st.sampled_from(["root", "ann", "Bob"])
DUTIES = st.sampled_from(
    [ADMIN, Duties(Role.TRADER), Duties(Role.VIEWER), Duties(Role.CLIENT, (7, 8), may_trade=True)]
)
WAITS = st.sampled_from([1, MINUTE, 5 * MINUTE, 20 * MINUTE, 13 * HOUR, 100 * DAY])
PICK = st.integers(0, 99)


class AnyOrder(RuleBasedStateMachine):
    """Admins, users, thieves and the clock, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = ManualClock()
        self.directory: Directory = open_directory(Path(self.folder.name), self.clock)
        self.passwords: dict[str, Secret] = {}
        self.tokens: list[Tokens] = []
        self.keys: list[Issued] = []
        self.secrets: dict[str, TOTP] = {}
        self.starts = 1

    def teardown(self) -> None:
        self.directory.close()
        self.folder.cleanup()

    def attempt(self, call: Callable[..., object], *args: object) -> None:
        """Do it, or be refused with a code that is no failure of ours."""
        try:
            call(*args)
        except AccessError as error:
            if error.code is AccessCode.STORE_FAILED:
                raise

    @initialize()
    def begin(self) -> None:
        for name, duties in (("root", ADMIN), ("ann", Duties(Role.TRADER))):
            self.create(name, duties)
            self.log_in(name, is_right=True)

    @rule(name=NAMES, duties=DUTIES)
    def create(self, name: str, duties: Duties) -> None:
        def call() -> None:
            self.directory.users.create(name, duties, PASSWORD)
            self.passwords[name] = PASSWORD

        self.attempt(call)

    @rule(name=NAMES, duties=DUTIES)
    def change_role(self, name: str, duties: Duties) -> None:
        self.attempt(self.directory.users.change_role, name, duties)

    @rule(name=NAMES, act=st.sampled_from(["disable", "enable", "remove_totp"]))
    def change_user(self, name: str, act: str) -> None:
        self.attempt(getattr(self.directory.users, act), name)

    @rule(name=NAMES)
    def reset(self, name: str) -> None:
        def call() -> None:
            password = self.directory.users.reset_password(name).password
            assert password is not None
            self.passwords[name] = password

        self.attempt(call)

    @rule(name=NAMES, session=PICK)
    def change_password(self, name: str, session: int) -> None:
        def call() -> None:
            user = self.directory.users.get(name)
            id = self.tokens[session % len(self.tokens)].session if self.tokens else ""
            old = self.passwords[name]
            new = PASSWORD if old == ANOTHER else ANOTHER
            self.directory.users.change_password(user.id, id, old, new)
            self.passwords[name] = new

        self.attempt(call)

    @rule(name=NAMES, is_right=st.sampled_from([True, True, False]))
    def log_in(self, name: str, is_right: bool) -> None:
        def call() -> None:
            password = self.passwords.get(name, PASSWORD) if is_right else Secret("wrong")
            attempt = Attempt(name, password, self.code(name), "198.51.100.7", "a browser")
            self.tokens.append(self.directory.login(attempt))

        self.attempt(call)

    @rule(which=PICK)
    def refresh(self, which: int) -> None:
        """Some of these were used before: a thief."""

        def call() -> None:
            if self.tokens:
                token = self.tokens[which % len(self.tokens)].refresh
                self.tokens.append(self.directory.refresh(token))

        self.attempt(call)

    @rule(which=PICK)
    def end_session(self, which: int) -> None:
        if self.tokens:
            id = self.tokens[which % len(self.tokens)].session
            self.attempt(self.directory.sessions.end, id, End.REVOKED)

    @rule(name=NAMES)
    def end_all(self, name: str) -> None:
        user = self.directory.store.picture.named(name)
        if user is not None:
            self.directory.sessions.end_all(user.id, End.REVOKED)

    @rule(name=NAMES)
    def enrol(self, name: str) -> None:
        def call() -> None:
            user = self.directory.users.get(name)
            enrolment = self.directory.factors.enrol(user.id, self.passwords[name])
            self.secrets[name] = TOTP(enrolment.secret.reveal())

        self.attempt(call)

    @rule(name=NAMES)
    def confirm(self, name: str) -> None:
        def call() -> None:
            user, code = self.directory.users.get(name), self.code(name)
            self.directory.factors.confirm(user.id, code or Secret("000000"))

        self.attempt(call)

    @rule(name=NAMES)
    def end_factor(self, name: str) -> None:
        def call() -> None:
            user = self.directory.users.get(name)
            self.directory.factors.disable(user.id, self.passwords[name])

        self.attempt(call)

    @rule(name=st.sampled_from(["bot", "feed", "Bot"]), days=st.integers(1, 200))
    def create_key(self, name: str, days: int) -> None:
        def call() -> None:
            scopes = frozenset({Permission.READ, Permission.TRADE})
            fence = Fence(frozenset({"RED", name}))
            new = NewKey(name, scopes, self.clock.now() + days * DAY, fence)
            self.keys.append(self.directory.keys.create(new, by="root"))

        self.attempt(call)

    @rule(which=PICK)
    def revoke_key(self, which: int) -> None:
        if self.keys:
            id = self.keys[which % len(self.keys)].key.id
            self.attempt(self.directory.keys.revoke, id)

    @rule(which=PICK)
    def ask(self, which: int) -> None:
        """With some key or token, good or not."""
        tokens = [*(one.access for one in self.tokens), *(one.token for one in self.keys)]
        if tokens:
            header = bearer(tokens[which % len(tokens)])
            self.attempt(self.directory.principal_of, header)

    @rule()
    def rotate(self) -> None:
        self.directory.signing.rotate()

    @rule()
    def tidy(self) -> None:
        self.directory.tidy()

    @rule(wait=WAITS)
    def wait(self, wait: int) -> None:
        self.clock.advance(wait)

    @rule()
    def restart(self) -> None:
        self.directory.close()
        self.starts += 1
        folder = Path(self.folder.name)
        self.directory = open_directory(folder, self.clock, seed=self.starts)

    @invariant()
    def memory_is_what_a_fresh_start_would_read(self) -> None:
        with self.directory.store.reading() as connection:
            assert Picture(connection) == self.directory.store.picture

    @invariant()
    def somebody_can_manage_users(self) -> None:
        everybody = self.directory.users.list()
        admins = [user for user in everybody if user.role is Role.ADMIN and not user.disabled_at]
        assert admins or not everybody

    @invariant()
    def nobody_who_is_shut_out_has_a_session(self) -> None:
        shut_out = {user.id for user in self.directory.users.list() if user.disabled_at}
        assert not any(one.user_id in shut_out for one in self.directory.sessions.list())

    def code(self, name: str) -> Secret | None:
        """A code of now, where the user has a second factor."""
        user = self.directory.store.picture.named(name)
        totp = self.secrets.get(name)
        if user is None or user.totp is Totp.OFF or totp is None:
            return None
        return Secret(totp.generate_otp(self.clock.now() // STEP_NS))


AnyOrder.TestCase.settings = settings(max_examples=25, stateful_step_count=40)
TestAnyOrder = AnyOrder.TestCase
