"""The server as the commands see it: reads, changes, and what may have happened when no answer came."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Self, TypeAlias

import httpx
import msgspec

from phalanx import __version__
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.identity import LOGIN, UNAUTHORIZED, Identity
from phalanx.cli.remote.trust import authority

Parameters: TypeAlias = Mapping[str, str | int | bool | None]

CONNECT_TIMEOUT_S = 5.0
PART_BYTES = 64 * 1024
TOTP_NEEDED = "TOTP_NEEDED"
PASSWORD_CHANGE_NEEDED = "PASSWORD_CHANGE_NEEDED"  # noqa: S105 - a code
_KEY = re.compile("[!-~]{1,128}")
_AGENT = f"phalanx/{__version__}"
_OK = range(200, 300)
# The server may have carried the request out and failed only afterwards; 503 says it decided nothing.
_TELL_NOTHING = {500, 502, 504}
_NOT_ALLOWED = {401, 403}
# Nothing is wrong with what was asked: there is just nothing that it could do.
_NOTHING_TO_DO = {"NOTHING_TO_RETRY", "NOTHING_TO_REVERSE"}


class Problem(msgspec.Struct, frozen=True):
    """A problem document (RFC 9457) with our stable ``code``; ``differences`` are those of MOVED."""

    code: str = ""
    detail: str = ""
    title: str = ""
    field: str | None = None
    line: int | None = None
    differences: list[str] = []


class Server:
    """One HTTP server, and who we are to it. Never follows a redirect, ignores proxy settings; repeats a
    request only where it was not let in, with a newer token.
    """

    def __init__(
        self,
        url: str,
        timeout_s: float,
        transport: httpx.BaseTransport | None = None,
        identity: Identity | None = None,
    ) -> None:
        self.url = checked_url(url)
        self.identity = identity or Identity()
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))
        self._http = httpx.Client(
            base_url=self.url,
            timeout=timeout,
            transport=transport,
            auth=self.identity,
            verify=authority() or True,
            trust_env=False,
            headers={"user-agent": _AGENT},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def read(self, path: str, parameters: Parameters | None = None) -> bytes:
        """What a GET brings. Raises Failure: UNREACHABLE, or what the server says."""
        return self.answer(path, parameters).content

    def answer(self, path: str, parameters: Parameters | None = None) -> httpx.Response:
        """As ``read``, with the headers."""
        chosen = {name: value for name, value in (parameters or {}).items() if value is not None}
        try:
            answer = self._http.get(path, params=chosen)
        except httpx.HTTPError as error:
            raise unreachable(self.url, error) from None
        return self._success(answer)

    def ask(
        self,
        path: str,
        *,
        parameters: Parameters | None = None,
        body: object = None,
        content: bytes | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        """A POST that changes nothing, such as a preview. Raises Failure as ``read`` does."""
        data = msgspec.json.encode(body) if content is None else content
        chosen = {name: value for name, value in (parameters or {}).items() if value is not None}
        headers = {"content-type": content_type}
        try:
            answer = self._http.post(path, params=chosen, content=data, headers=headers)
        except httpx.HTTPError as error:
            raise unreachable(self.url, error) from None
        return self._success(answer).content

    def change(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        parameters: Parameters | None = None,
        body: object = None,
        content: bytes | None = None,
        content_type: str = "application/json",
        sent: Callable[[int], None] | None = None,
    ) -> bytes:
        """Send a request that changes something, once, with an Idempotency-Key.

        ``body`` is sent as JSON, ``content`` as it is; ``sent`` is told how many bytes of it went.
        Raises Failure: UNREACHABLE (nothing was sent), OUTCOME_UNKNOWN (with the key to repeat), or
        what the server says.
        """
        key = chosen_key(key)
        data = msgspec.json.encode(body) if content is None and body is not None else content
        headers = {"idempotency-key": key}
        if data is not None:
            headers |= {"content-type": content_type, "content-length": str(len(data))}
        chosen = {name: value for name, value in (parameters or {}).items() if value is not None}
        parts = data if sent is None or data is None else _Parts(data, sent)
        try:
            answer = self._http.request(method, path, params=chosen, content=parts, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable(self.url, error) from None
        except httpx.HTTPError as error:
            raise outcome_unknown(key, f"no answer came ({_words(error)})") from None
        except KeyboardInterrupt:
            raise outcome_unknown(key, "interrupted before an answer came") from None
        if answer.status_code in _TELL_NOTHING:
            raise outcome_unknown(key, f"the server answered {answer.status_code}")
        return self._success(answer).content

    def once(self, method: str, path: str, *, look: str, body: object = None) -> bytes:
        """Send a change that takes no key, because its answer may hold a secret: users, keys, logins.

        ``look`` says how to see what became of it. Raises Failure as ``change`` does.
        """
        data = None if body is None else msgspec.json.encode(body)
        headers = {} if data is None else {"content-type": "application/json"}
        try:
            answer = self._http.request(method, path, content=data, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable(self.url, error) from None
        except httpx.HTTPError as error:
            raise _look_up(f"no answer came ({_words(error)})", look) from None
        except KeyboardInterrupt:
            raise _look_up("interrupted before an answer came", look) from None
        if answer.status_code in _TELL_NOTHING:
            raise _look_up(f"the server answered {answer.status_code}", look)
        return self._success(answer).content

    def _success(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code not in _OK:
            raise refusal(answer, self.identity.advice)
        return answer


def chosen_key(key: str | None) -> str:
    """The caller's Idempotency-Key, or a new one. Raises Failure USAGE for one that no header takes."""
    if key is None:
        return uuid.uuid4().hex
    if _KEY.fullmatch(key) is None:
        detail = "a key has 1 to 128 visible ASCII characters"
        raise Failure(Exit.USAGE, "IDEMPOTENCY_KEY_INVALID", detail)
    return key


def checked_url(text: str) -> str:
    """An ``http://`` or ``https://`` address without anything secret in it. Raises Failure USAGE."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise Failure(Exit.USAGE, "BAD_ADDRESS", f"{text!r}: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host:
        detail = f"{text!r} is no address of a server, such as http://127.0.0.1:8080"
        raise Failure(Exit.USAGE, "BAD_ADDRESS", detail)
    if url.userinfo:
        raise Failure(Exit.USAGE, "BAD_ADDRESS", "an address carries no password")
    return str(url).rstrip("/")


def unreachable(url: str, error: Exception) -> Failure:
    """Nothing was changed: the server could not be reached, or did not answer a question."""
    detail = f"the server at {url} cannot be reached ({_words(error)})"
    return Failure(Exit.UNREACHABLE, "SERVER_UNREACHABLE", detail)


def outcome_unknown(key: str, what: str) -> Failure:
    """The request was sent and nobody can say what became of it."""
    detail = (
        f"{what}; the request may have been carried out. "
        f"Repeat it with --idempotency-key {key}: it is never carried out twice"
    )
    return Failure(Exit.UNKNOWN, "OUTCOME_UNKNOWN", detail, idempotency_key=key)


def refusal(answer: httpx.Response, advice: str = LOGIN) -> Failure:
    """What a problem document, or any other answer that is no success, means for a command.

    ``advice``: what to do when it is that we were not let in.
    """
    problem = _problem(answer.content)
    code = problem.code or f"HTTP_{answer.status_code}"
    detail = problem.detail or problem.title or f"the server answered {answer.status_code}"
    if code == PASSWORD_CHANGE_NEEDED:
        detail = f"{detail}: phalanx password"
    elif answer.status_code == UNAUTHORIZED and code != TOTP_NEEDED:
        detail = f"{detail}; {advice}"
    facts: dict[str, object] = {"status": answer.status_code}
    if problem.field is not None:
        facts["field"] = problem.field
    if problem.line is not None:
        facts["line"] = problem.line
    if problem.differences:
        facts["differences"] = problem.differences
    if request_id := answer.headers.get("x-request-id"):
        facts["request_id"] = request_id
    return Failure(_exit_code(answer.status_code, code), code, detail, **facts)


class _Parts:
    """A body in parts, with a word after each the first time; it can be sent again."""

    def __init__(self, data: bytes, sent: Callable[[int], None]) -> None:
        self._data = data
        self._sent = sent
        self._told = 0

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), PART_BYTES):
            part = self._data[start : start + PART_BYTES]
            yield part
            if start == self._told:
                self._told += len(part)
                self._sent(len(part))


def _look_up(what: str, look: str) -> Failure:
    detail = f"{what}; the request may have been carried out. Look before you repeat it: {look}"
    return Failure(Exit.UNKNOWN, "OUTCOME_UNKNOWN", detail)


def _problem(content: bytes) -> Problem:
    try:
        return msgspec.json.decode(content, type=Problem)
    except msgspec.DecodeError:
        return Problem()


def _exit_code(status: int, code: str) -> Exit:
    from phalanx.domain.reasons import ReasonCode

    if status in _NOT_ALLOWED:
        return Exit.NOT_ALLOWED
    if code in _NOTHING_TO_DO:
        return Exit.REFUSED
    # "unknown strategy" is a wrong name, not a refusal by risk.
    if code in ReasonCode.__members__ and not code.startswith("UNKNOWN_"):
        return Exit.REFUSED
    return Exit.FAILURE


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
