"""Access tokens: short JWTs that say which session asks. They say nothing about what it may do.

A token has exactly the header and the claims below (RFC 9068 in shape), is signed with Ed25519 by a key of
ours, and lives ten minutes at most. Everything else is refused with one code, and nobody is told why. Roles
are looked up in memory at every use, so a token never outlives a right.
"""

import re
from hashlib import sha256
from threading import Lock
from typing import Final

import jwt
import msgspec

from phalanx.access.errors import unauthenticated
from phalanx.access.picture import Session
from phalanx.access.signing_keys import SigningKeys
from phalanx.domain.secrets import Secret
from phalanx.domain.time import MINUTE, SECOND, Clock, Nanoseconds, Random

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
LIFE_MAX_S: Final = 600
LEEWAY_S: Final = 10
"""By how much our own clock may have been set back since a token was made."""
TOKEN_BYTES_MAX: Final = 2_048
CACHE_MAX: Final = 20_000
JTI_BYTES: Final = 16
# The pattern is strict: decoders skip what is no base64, and one token would have many spellings.
_is_shaped: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+").fullmatch


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token says. ``sub``: the user's number; ``sid``: the session; times in seconds since 1970."""

    iss: str
    aud: str
    sub: str
    sid: str
    jti: str
    iat: int
    nbf: int
    exp: int


class TokenRules(msgspec.Struct, frozen=True):
    """Who issues tokens and for whom, and how long they live."""

    issuer: str = "phalanx"
    audience: str = "phalanx"
    life_ns: Nanoseconds = 10 * MINUTE

    def __post_init__(self) -> None:
        assert SECOND <= self.life_ns <= LIFE_MAX_S * SECOND


class Verified(msgspec.Struct, frozen=True):
    """A token that is genuine. ``expires_at``: UTC nanoseconds."""

    user_id: str
    session: str
    expires_at: Nanoseconds


class AccessTokens:
    """Makes tokens and reads them. Thread-safe. A token is verified once, and remembered until it expires.

    What is remembered is its digest: at most `CACHE_MAX`, the oldest goes first.
    """

    def __init__(
        self,
        signing: SigningKeys,
        clock: Clock,
        random: Random,
        rules: TokenRules,
        *,
        cache_max: int = CACHE_MAX,
    ) -> None:
        self._signing = signing
        self._clock = clock
        self._random = random
        self._rules = rules
        self._cache_max = cache_max
        self._cache: dict[bytes, Verified] = {}
        self._lock = Lock()

    def issue(self, session: Session) -> tuple[Secret, Nanoseconds]:
        """A token for a session, and when it expires: never after the session."""
        now_s = self._clock.now() // SECOND
        expires_s = min(now_s + self._rules.life_ns // SECOND, session.expires_at // SECOND)
        claims = Claims(
            self._rules.issuer,
            self._rules.audience,
            str(session.user_id),
            session.id,
            self._random.token(JTI_BYTES).hex(),
            now_s,
            now_s,
            expires_s,
        )
        signer = self._signing.signer
        token = jwt.encode(
            msgspec.structs.asdict(claims),
            signer.key,
            ALGORITHM,
            {"typ": TYPE, "kid": signer.kid},
        )
        return Secret(token), expires_s * SECOND

    def verified(self, token: bytes) -> Verified:
        """What a token says, once it is proved ours and not over. Raises UNAUTHENTICATED."""
        digest = sha256(token).digest()
        known = self._cache.get(digest)
        if known is None:
            known = self._verified(token)
            self._remember(digest, known)
        if known.expires_at <= self._clock.now():
            with self._lock:
                self._cache.pop(digest, None)
            raise unauthenticated()
        return known

    def _remember(self, digest: bytes, verified: Verified) -> None:
        with self._lock:
            self._cache[digest] = verified
            if len(self._cache) > self._cache_max:
                del self._cache[next(iter(self._cache))]

    def _verified(self, token: bytes) -> Verified:
        claims = self._claims(token)
        if claims is None or not self._is_timely(claims):
            raise unauthenticated()
        return Verified(claims.sub, claims.sid, claims.exp * SECOND)

    def _claims(self, token: bytes) -> Claims | None:
        """The claims of a token with our header, our signature, our issuer and audience."""
        if len(token) > TOKEN_BYTES_MAX or not _is_shaped(token):
            return None
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            # Exactly these: a token that brings its own key, or wants more understood, is not ours.
            if header != {"alg": ALGORITHM, "typ": TYPE, "kid": kid} or not isinstance(kid, str):
                return None
            key = self._signing.public(kid)
            if key is None:
                return None
            found = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._rules.audience,
                issuer=self._rules.issuer,
                # Times are judged by our clock, below.
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            return msgspec.convert(found, Claims)
        # PyJWT lets errors of its decoders through; whatever they are, the token is not ours.
        except (jwt.PyJWTError, msgspec.ValidationError, ValueError, TypeError, RecursionError):
            return None

    def _is_timely(self, claims: Claims) -> bool:
        """Whether it is of now. An expiry has no leeway: we made it, and by this very clock."""
        now_s = self._clock.now() // SECOND
        latest_s = now_s + LEEWAY_S
        return (
            claims.iat <= latest_s
            and claims.nbf <= latest_s
            and now_s < claims.exp <= claims.iat + LIFE_MAX_S
        )
