"""Who is logged in: passwords, second factors, tokens that die at six in the morning."""

import hashlib
import hmac
import random
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
import pyotp

from phalanx.domain.time import HOUR, SECOND, Nanoseconds
from phalanx.simulation.motilal.config import Login
from phalanx.simulation.motilal.headers import Headers
from phalanx.simulation.motilal.moments import next_six
from phalanx.simulation.motilal.refusals import Refused

LIFE_NS: Final = 24 * HOUR
OTP_ATTEMPTS_MAX: Final = 3
REMEMBERED_MAX: Final = 10_000
"""Dead tokens are told apart from wrong ones so far back."""

_TOKEN: Final = re.compile(r"[0-9a-f]{32}_M")
_HASH_DIGITS: Final = 64
_TOTP_S: Final = 30


class Session(msgspec.Struct, kw_only=True):
    """One login. ``access``: empty until it was asked for; ``is_verified``: by TOTP, or by OTP since."""

    login: Login
    token: str
    expires: Nanoseconds
    is_verified: bool
    access: str = ""
    attempts: int = 0


def password_hash(password: str, api_key: str) -> str:
    """What a login carries in place of the password."""
    return hashlib.sha256((password + api_key).encode()).hexdigest()


class Sessions:
    """All sessions of all logins. A token that ended is known as such until it is forgotten."""

    def __init__(
        self,
        logins: Iterable[Login],
        now: Callable[[], Nanoseconds],
        chance: random.Random,
        sessions_max: int,
    ) -> None:
        self._logins = {login.userid: login for login in logins}
        self._now = now
        self._chance = chance
        self._sessions_max = sessions_max
        self._live: dict[str, Session] = {}
        self._ended: dict[str, str] = {}

    # --- logging in --------------------------------------------------------------------------------

    def log_in(self, headers: Headers, body: dict[str, Any]) -> dict[str, object]:
        """``authdirectapi``: the auth token, good at once only if a TOTP came with it. Raises Refused."""
        login = self._known(headers, body)
        totp = str(body.get("totp") or "").strip()
        if totp and not self._is_totp(login, totp):
            raise Refused("MO1093")
        self._end_expired()
        mine = [session for session in self._live.values() if session.login is login]
        if len(mine) >= self._sessions_max:
            raise Refused("MO2000")
        now = self._now()
        session = Session(
            login=login,
            token=self._draw(),
            expires=min(now + LIFE_NS, next_six(now)),
            is_verified=bool(totp),
        )
        self._live[session.token] = session
        return {
            "status": "SUCCESS",
            "message": "Return Auth Token SUCCESS",
            "errorcode": "",
            "AuthToken": session.token,
            "isAuthTokenVerified": "TRUE" if totp else "FALSE",
        }

    def _known(self, headers: Headers, body: dict[str, Any]) -> Login:
        """Whose user, key, password and second factor these are. Raises Refused."""
        login = self._logins.get(str(body.get("userid", "")))
        if login is None:
            raise Refused("MO1001")
        if headers["apikey"] != login.api_key:
            keys = {known.api_key for known in self._logins.values()}
            raise Refused("MO1004" if headers["apikey"] in keys else "MO1005")
        if headers["apisecretkey"] != login.api_secret:
            raise Refused("MO2006")
        told = str(body.get("password", ""))
        if len(told) != _HASH_DIGITS:
            raise Refused("MO1002")
        if not hmac.compare_digest(told.encode(), _expected(login)):
            raise Refused("MO1000")
        if body.get("2FA") != login.second_factor:
            raise Refused("MO1007")
        if not login.may_log_in:
            raise Refused("MO1100")
        return login

    def _is_totp(self, login: Login, told: str) -> bool:
        """One step of the clock to either side is good enough."""
        now_s = self._now() // SECOND
        codes = pyotp.TOTP(login.totp_secret)
        near = (codes.at(now_s + steps * _TOTP_S) for steps in (-1, 0, 1))
        return any(hmac.compare_digest(told.encode(), code.encode()) for code in near)

    def verify_otp(self, headers: Headers, body: dict[str, Any]) -> None:
        """``verifyotp``. Raises Refused; the third wrong one ends the session."""
        session = self._authorized(headers)
        if session.is_verified:
            raise Refused("MO1095")
        otp = body.get("otp")
        if isinstance(otp, bool) or not isinstance(otp, int):
            raise Refused("MO1099")
        if otp == session.login.otp:
            session.is_verified = True
            return
        session.attempts += 1
        if session.attempts >= OTP_ATTEMPTS_MAX:
            self._end(session.token, "MO8001")
            raise Refused("MO1096")
        raise Refused("MO1097")

    def resend_otp(self, headers: Headers) -> None:
        """``resendotp``. Raises Refused where none is waited for."""
        if self._authorized(headers).is_verified:
            raise Refused("MO1095")

    def grant_access(self, headers: Headers) -> str:
        """``getaccesstoken``: the second token, the same each time. Raises Refused."""
        session = self._authorized(headers)
        if not session.is_verified:
            raise Refused("MO1097")
        session.access = session.access or self._draw()
        return session.access

    # --- being logged in ---------------------------------------------------------------------------

    def find(self, headers: Headers) -> Session:
        """Whose call this is: both tokens, the key and its secret have to fit. Raises Refused."""
        session = self._authorized(headers)
        if not session.is_verified:
            raise Refused("MO1097")
        told = headers.get("accesstoken", "")
        if not told:
            raise Refused("MO8003")
        if told != session.access:
            raise Refused("MO8001")
        return session

    def of_token(self, token: str, api_key: str) -> Session | None:
        """The session of an order stream; None where there is none."""
        self._end_expired()
        session = self._live.get(token)
        if session is None or session.login.api_key != api_key or not session.is_verified:
            return None
        return session

    def log_out(self, session: Session) -> None:
        """The tokens are no good from now on."""
        self._end(session.token, "MO1011")

    def end_all(self, code: str = "MO8001") -> None:
        """Every token dies, and is answered with this code from now on."""
        for token in list(self._live):
            self._end(token, code)

    def _authorized(self, headers: Headers) -> Session:
        token = headers.get("authorization", "")
        if not token:
            raise Refused("MO8003")
        if _TOKEN.fullmatch(token) is None:
            raise Refused("MO2007")
        self._end_expired()
        session = self._live.get(token)
        if session is None:
            raise Refused(self._ended.get(token, "MO8001"))
        if headers["apikey"] != session.login.api_key:
            raise Refused("MO1004")
        if headers["apisecretkey"] != session.login.api_secret:
            raise Refused("MO2006")
        return session

    def _end_expired(self) -> None:
        now = self._now()
        for token in [token for token, one in self._live.items() if one.expires <= now]:
            self._end(token, "MO8002")

    def _end(self, token: str, code: str) -> None:
        del self._live[token]
        self._ended[token] = code
        while len(self._ended) > REMEMBERED_MAX:
            del self._ended[next(iter(self._ended))]

    def _draw(self) -> str:
        return f"{self._chance.getrandbits(128):032x}_M"


def _expected(login: Login) -> bytes:
    return password_hash(login.password, login.api_key).encode()
