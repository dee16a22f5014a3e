"""The way to a session: login, perhaps a code by phone, access token. Each step once, none again."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec

from phalanx.brokers.motilal.codes import CREDENTIALS_REFUSED
from phalanx.brokers.motilal.credentials import Credentials
from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.envelope import BrokerSaidNo, Envelope, read_envelope
from phalanx.brokers.motilal.headers import headers_of
from phalanx.brokers.motilal.questions import Post
from phalanx.brokers.motilal.row import BadData, Row
from phalanx.brokers.motilal.settings import LoginSettings
from phalanx.brokers.motilal.times import session_end
from phalanx.domain.secrets import Secret
from phalanx.domain.time import Nanoseconds

AskCode = Callable[[], Awaitable[str]]
"""Waits for the code that the broker sent to a phone. Raises OSError when nobody has it."""

_CODE_DIGITS_MAX = 10
_VERIFIED = ("TRUE", "True", "true", True)


class Tokens(msgspec.Struct, frozen=True):
    """One session. ``ends_at``: when both tokens die, whatever happens."""

    auth: Secret
    access: Secret
    ends_at: Nanoseconds


class LoginRefused(OSError):
    """The broker does not want these credentials: to try again soon would only lock the login."""


class _LogIn(msgspec.Struct, omit_defaults=True, kw_only=True):
    userid: str
    password: str
    second_factor: str = msgspec.field(name="2FA")
    totp: str = ""


class _Code(msgspec.Struct):
    otp: int


def login_body(credentials: Credentials, now: Nanoseconds) -> bytes:
    """What the login says; without a TOTP seed the broker sends a code to a phone."""
    body = _LogIn(
        userid=credentials.user,
        password=credentials.password_hash,
        second_factor=credentials.second_factor.reveal(),
        totp=credentials.totp(now),
    )
    return msgspec.json.encode(body)


async def log_in(
    post: Post,
    settings: LoginSettings,
    credentials: Credentials,
    now: Nanoseconds,
    ask_code: AskCode | None = None,
) -> Tokens:
    """A session. Raises LoginRefused, or OSError for everything else that went wrong."""
    headers = headers_of(settings, credentials)
    answer = await _ask(post, Path.LOGIN, headers, login_body(credentials, now))
    auth = _token(answer.fields, "AuthToken")
    headers = headers_of(settings, credentials, auth)
    if answer.fields.raw("isauthtokenverified") not in _VERIFIED:
        await _verify(post, headers, ask_code)
    answer = await _ask(post, Path.ACCESS_TOKEN, headers, b"")
    return Tokens(auth, _access_token(answer.fields), session_end(now))


async def log_out(
    post: Post, settings: LoginSettings, credentials: Credentials, tokens: Tokens
) -> None:
    """Tell the broker that the session is not needed any more. Raises OSError."""
    headers = headers_of(settings, credentials, tokens.auth, tokens.access)
    await _ask(post, Path.LOGOUT, headers, msgspec.json.encode({"userid": credentials.user}))


async def _verify(post: Post, headers: dict[str, str], ask_code: AskCode | None) -> None:
    if ask_code is None:
        raise LoginRefused("a code was sent to a phone, and nobody can tell it: keep a TOTP seed")
    code = (await ask_code()).strip()
    if not (code.isascii() and code.isdigit() and len(code) <= _CODE_DIGITS_MAX):
        raise LoginRefused("a code by phone has digits only")
    await _ask(post, Path.VERIFY_OTP, headers, msgspec.json.encode(_Code(int(code))))


async def _ask(post: Post, path: Path, headers: dict[str, str], body: bytes) -> Envelope:
    answer = await post.post(path, headers, body)
    try:
        envelope = read_envelope(answer.body)
    except BadData as bad:
        raise ConnectionError(f"{path}: HTTP {answer.status}: {bad}") from bad
    if envelope.code in CREDENTIALS_REFUSED:
        raise LoginRefused(f"{envelope.code}: {envelope.message}")
    if not envelope.succeeded or answer.status != HTTPStatus.OK:
        raise BrokerSaidNo(envelope.code or f"HTTP {answer.status}", envelope.message)
    return envelope


def _access_token(fields: Row) -> Secret:
    """It stands beside the data in the documents, and within them in the broker's own clients."""
    data = fields.raw("data")
    if not fields.has("accesstoken") and isinstance(data, dict):
        return _token(Row(data), "accesstoken")
    return _token(fields, "accesstoken")


def _token(fields: Row, name: str) -> Secret:
    """It becomes a header, so it has to fit in one."""
    try:
        return Secret(fields.name(name))
    except BadData as bad:
        raise ConnectionError(f"no {name} came with the login: {bad.flaw}") from None
