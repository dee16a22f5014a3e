"""The directory: everything a door asks about who somebody is, in one place.

`Directory.principal_of` is for every request, hot doors included: dict look-ups and, once per token, a
signature. It never waits for the disk. The rest may take its time; call it from a thread.
"""

from typing import Final, Self

import msgspec

from phalanx.access.confirming import Confirming
from phalanx.access.errors import AccessCode, AccessError, session_ended, unauthenticated
from phalanx.access.login import Attempt, Login
from phalanx.access.machine_keys import PREFIX, MachineKeys, is_open
from phalanx.access.passwords import PasswordCost, Passwords
from phalanx.access.second_factor import SecondFactors
from phalanx.access.sessions import Refreshed, SessionRules, Sessions
from phalanx.access.signing_keys import Sealer, SigningKeys
from phalanx.access.store import AccessStore
from phalanx.access.throttle import Throttle, ThrottleRule
from phalanx.access.tokens import LEEWAY_S, AccessTokens, TokenRules
from phalanx.access.users import Users
from phalanx.domain.access import Principal, PrincipalKind
from phalanx.domain.secrets import Secret
from phalanx.domain.time import HOUR, SECOND, Clock, Nanoseconds, Random

SCHEME: Final = b"bearer "
HEADER_BYTES_MAX: Final = 4_096


class AccessRules(msgspec.Struct, frozen=True):
    """What an installation may set."""

    cost: PasswordCost = PasswordCost()
    tokens: TokenRules = TokenRules()
    sessions: SessionRules = SessionRules()
    by_name: ThrottleRule = ThrottleRule()
    by_place: ThrottleRule = ThrottleRule(free=20)
    by_user: ThrottleRule = ThrottleRule(first_ns=30 * SECOND, forget_ns=HOUR)
    """Second factors, and passwords of those who are logged in."""


class Tokens(msgspec.Struct, frozen=True):
    """What a login, or a refresh, gives. Times are UTC nanoseconds; ``session`` is the session's id.

    ``must_change``: the access token opens nothing but the change of the password. ``by_recovery_code``: the
    login used one up.
    """

    session: str
    access: Secret
    access_expires_at: Nanoseconds
    refresh: Secret
    session_expires_at: Nanoseconds
    must_change: bool
    by_recovery_code: bool = False


class Directory:
    """Users, sessions, tokens and machine keys over one store. Thread-safe."""

    def __init__(
        self,
        store: AccessStore,
        sealer: Sealer,
        clock: Clock,
        random: Random,
        rules: AccessRules | None = None,
    ) -> None:
        """Raises what the sealer raises, where it cannot open the key that signs."""
        rules = rules or AccessRules()
        self.store = store
        self._clock = clock
        passwords = Passwords(rules.cost, random)
        confirming = Confirming(passwords, Throttle(clock, rules.by_user))
        self.users = Users(store, passwords, confirming, clock)
        self.sessions = Sessions(store, clock, random, rules.sessions)
        self.keys = MachineKeys(store, clock, random)
        # A token of a retired key is verified as long as it may live, and our clock may go back.
        verify_for_ns = rules.tokens.life_ns + LEEWAY_S * SECOND
        self.signing = SigningKeys(store, sealer, clock, random, verify_for_ns)
        self.factors = SecondFactors(
            store,
            sealer,
            confirming,
            Throttle(clock, rules.by_user),
            clock,
            random,
            rules.tokens.issuer,
        )
        self._tokens = AccessTokens(self.signing, clock, random, rules.tokens)
        self._login = Login(
            store,
            passwords,
            self.factors,
            self.sessions,
            Throttle(clock, rules.by_name),
            Throttle(clock, rules.by_place),
        )

    def principal_of(
        self, authorization: bytes | None, *, owing_password: bool = False
    ) -> Principal:
        """Who a request is from, by its ``Authorization`` header: a machine key or an access token.

        ``owing_password``: this door is the one where a password is changed. Raises UNAUTHENTICATED,
        SESSION_ENDED, PASSWORD_CHANGE_NEEDED.
        """
        if (
            authorization is None
            or len(authorization) > HEADER_BYTES_MAX
            or authorization[: len(SCHEME)].lower() != SCHEME
        ):
            raise unauthenticated()
        token = authorization[len(SCHEME) :]
        if token.startswith(PREFIX):
            return self.keys.principal_of(token)
        return self._user_of(token, owing_password=owing_password)

    def principal_now(self, principal: Principal) -> Principal | None:
        """Who somebody is by now who came in earlier, for what stays open; None once their session or key
        is over.
        """
        picture = self.store.picture
        if principal.kind is PrincipalKind.MACHINE:
            key = picture.keys.get(principal.session)
            if key is None or not is_open(key, self._clock.now()):
                return None
            return key.principal
        session = self.sessions.live(principal.session)
        if session is None:
            return None
        user = picture.users[session.user_id]
        return None if user.disabled_at is not None else user.principal(session.id)

    def check_login(self, attempt: Attempt) -> None:
        """Whether this may be tried now; on any thread, at once. Raises THROTTLED."""
        self._login.check(attempt)

    def login(self, attempt: Attempt) -> Tokens:
        """A session for somebody who proves who they are. Raises UNAUTHENTICATED, TOTP_NEEDED, THROTTLED."""
        return self._issued(self._login.begin(attempt))

    def refresh(self, token: Secret) -> Tokens:
        """The next tokens of a session. Raises UNAUTHENTICATED, SESSION_ENDED."""
        return self._issued(self.sessions.refresh(token))

    def now(self) -> Nanoseconds:
        """The time by which sessions and keys end, UTC."""
        return self._clock.now()

    def tidy(self) -> None:
        """Write down what can wait, and forget what is over; to be called every minute or so."""
        with self.store.change() as change:
            self.keys.write_use(change)
            self.keys.forget_over(change)
            self.sessions.end_those_over(change)
            self.signing.forget_retired(change)

    def close(self) -> None:
        """Write down what waits and let the store go."""
        try:
            self.tidy()
        finally:
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _user_of(self, token: bytes, *, owing_password: bool) -> Principal:
        verified = self._tokens.verified(token)
        picture = self.store.picture
        user = picture.users.get(int(verified.user_id))
        if user is None:
            raise session_ended()
        session = picture.sessions.get(verified.session)
        if session is None or session.user_id != user.id or user.disabled_at is not None:
            raise session_ended(user.name)
        if user.must_change and not owing_password:
            raise AccessError(
                AccessCode.PASSWORD_CHANGE_NEEDED,
                "change the password that was given to you first",
                actor=user.name,
            )
        return user.principal(session.id)

    def _issued(self, refreshed: Refreshed) -> Tokens:
        session = refreshed.session
        access, expires_at = self._tokens.issue(session)
        user = self.store.picture.users[session.user_id]
        return Tokens(
            session.id,
            access,
            expires_at,
            refreshed.token,
            session.expires_at,
            user.must_change,
            refreshed.by_recovery_code,
        )
