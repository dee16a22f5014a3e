"""The server as the commands see it: reads, changes, and what may have happened when no answer came."""

import re
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self, TypeAlias

import httpx
import msgspec

from phalanx import __version__
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.address import DEFAULT_SERVER

Parameters: TypeAlias = Mapping[str, str | int | bool | None]

CONNECT_TIMEOUT_S = 5.0
PART_BYTES = 64 * 1024
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
    """One HTTP server. Never follows a redirect, never repeats a request, ignores proxy settings."""

    def __init__(
        self, url: str, timeout_s: float, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = checked_url(url)
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))
        self._http = httpx.Client(
            base_url=self.url,
            timeout=timeout,
            transport=transport,
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
        return _success(answer)

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
        return _success(answer).content

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
        parts = data if sent is None or data is None else _parts(data, sent)
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
        return _success(answer).content


def connect(url: str | None, timeout_s: float) -> Server:
    """The server a command talks to: the one named, or that of ``phalanx.toml``, or the default.

    Raises Failure BAD_ADDRESS, BAD_SETTING.
    """
    return Server(url or configured_server(), timeout_s)


def configured_server(file: Path = Path("phalanx.toml")) -> str:
    """``server`` of the settings file, where there is one. Raises Failure BAD_SETTING."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("server", DEFAULT_SERVER)
    except FileNotFoundError:
        return DEFAULT_SERVER
    except (OSError, ValueError) as error:
        raise Failure(Exit.USAGE, "BAD_SETTING", f"{file}: {error}") from None
    return str(found)


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


def refusal(answer: httpx.Response) -> Failure:
    """What a problem document, or any other answer that is no success, means for a command."""
    problem = _problem(answer.content)
    code = problem.code or f"HTTP_{answer.status_code}"
    detail = problem.detail or problem.title or f"the server answered {answer.status_code}"
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


def _parts(data: bytes, sent: Callable[[int], None]) -> Iterator[bytes]:
    """A body in parts, with a word after each."""
    for start in range(0, len(data), PART_BYTES):
        part = data[start : start + PART_BYTES]
        yield part
        sent(len(part))


def _success(answer: httpx.Response) -> httpx.Response:
    if answer.status_code not in _OK:
        raise refusal(answer)
    return answer


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
