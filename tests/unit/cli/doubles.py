"""A server that answers from a table, a terminal that is none, and a way to run commands against them."""

import io
from collections.abc import Callable, Sequence

import httpx
import pytest
from typer.testing import CliRunner, Result

from phalanx.cli import app
from phalanx.cli.remote import client, connecting

Handler = Callable[[httpx.Request], httpx.Response]


class Terminal(io.StringIO):
    """A text stream that says a person is looking."""

    def isatty(self) -> bool:
        return True


class Answers:
    """Answers of method and path; remembers what was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._answers: dict[tuple[str, str], Handler] = {}

    def answer(self, method: str, path: str, status: int = 200, body: object = None) -> None:
        """From now on this is the answer."""
        self.handle(method, path, lambda _: httpx.Response(status, json=body))

    def handle(self, method: str, path: str, handler: Handler) -> None:
        """From now on this makes the answer."""
        self._answers[method, path] = handler

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        handler = self._answers.get((request.method, request.url.path))
        if handler is None:
            problem = {"code": "NOT_FOUND", "detail": f"nothing is at {request.url.path}"}
            return httpx.Response(404, json=problem)
        return handler(request)


class FakeServer(Answers):
    """Whatever server a command names; nobody asks who we are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()

        def connect(
            url: str | None,
            timeout_s: float,
            connection: str | None = None,
            *,
            renews: bool = True,
        ) -> client.Server:
            transport = httpx.MockTransport(self._handle)
            return client.Server(url or "http://phalanx.test", timeout_s, transport)

        monkeypatch.setattr(connecting, "connect", connect)


class FakeNetwork(Answers):
    """Whatever is asked synchronously, by way of connections, tokens and their renewal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()

        def handle(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            request.read()
            return self._handle(request)

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)

    @property
    def tokens(self) -> list[str]:
        """The token of each request, in their order; empty where there was none."""
        sent = [request.headers.get("authorization", "") for request in self.requests]
        return [one.removeprefix("Bearer ") for one in sent]


def run(*words: str, text: str | None = None) -> Result:
    """A command, as from a shell whose output goes into a file."""
    result = CliRunner().invoke(app, list(words), input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def rows(text: str) -> Sequence[Sequence[str]]:
    """The cells of a plain table."""
    return [line.split() for line in text.splitlines()]
