"""The server as commands see it: three outcomes, and the exit code of each."""

import json
from pathlib import Path

import httpx
import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.address import DEFAULT_SERVER
from phalanx.cli.remote.client import (
    Server,
    checked_url,
    chosen_key,
)
from phalanx.cli.remote.connecting import connect
from phalanx.cli.remote.target import configured_server

URL = "http://phalanx.test"


def server_that(handler: httpx.MockTransport) -> Server:
    return Server(URL, 1.0, handler)


def answering(status: int, body: object = None, **headers: str) -> Server:
    return server_that(
        httpx.MockTransport(lambda _: httpx.Response(status, json=body, headers=headers))
    )


def failing(error: type[httpx.HTTPError]) -> Server:
    def raise_it(request: httpx.Request) -> httpx.Response:
        raise error("no luck", request=request)  # type: ignore[call-arg]

    return server_that(httpx.MockTransport(raise_it))


def failure_of_change(server: Server) -> Failure:
    with pytest.raises(Failure) as caught, server:
        server.change("POST", "/x", key="my-key", body={"a": 1})
    return caught.value


def test_a_read_sends_only_the_parameters_that_were_given() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=[1])

    with server_that(httpx.MockTransport(answer)) as server:
        assert server.read("/x", {"a": "1", "b": None}) == b"[1]"
    assert str(asked[0].url) == f"{URL}/x?a=1"
    assert "idempotency-key" not in asked[0].headers


def test_a_change_carries_a_key_of_its_own_each_time() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.content) == {"a": 1}
        return httpx.Response(202, json={})

    with server_that(httpx.MockTransport(answer)) as server:
        server.change("POST", "/x", body={"a": 1})
        server.change("POST", "/x", body={"a": 1})
        server.change("POST", "/x", body={"a": 1}, key="mine")
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout])
def test_what_was_never_sent_is_unreachable(error: type[httpx.HTTPError]) -> None:
    failure = failure_of_change(failing(error))

    assert (failure.exit_code, failure.code) == (Exit.UNREACHABLE, "SERVER_UNREACHABLE")


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout,
        httpx.WriteTimeout,
        httpx.ReadError,
        httpx.WriteError,
        httpx.RemoteProtocolError,
    ],
)
def test_a_change_without_an_answer_is_unknown_and_names_the_key(
    error: type[httpx.HTTPError],
) -> None:
    failure = failure_of_change(failing(error))

    assert (failure.exit_code, failure.code) == (Exit.UNKNOWN, "OUTCOME_UNKNOWN")
    assert failure.facts == {"idempotency_key": "my-key"}
    assert "--idempotency-key my-key" in failure.detail


def test_ctrl_c_while_waiting_for_a_change_leaves_it_unknown() -> None:
    def interrupted(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    failure = failure_of_change(server_that(httpx.MockTransport(interrupted)))

    assert (failure.exit_code, failure.facts) == (Exit.UNKNOWN, {"idempotency_key": "my-key"})


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.ConnectError])
def test_a_question_without_an_answer_changes_nothing(error: type[httpx.HTTPError]) -> None:
    with pytest.raises(Failure) as caught, failing(error) as server:
        server.read("/x")

    assert caught.value.exit_code is Exit.UNREACHABLE


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_that_failed_tells_nothing_about_a_change(status: int) -> None:
    assert failure_of_change(answering(status)).exit_code is Exit.UNKNOWN


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (401, "UNAUTHENTICATED", Exit.NOT_ALLOWED),
        (403, "LOOPBACK_ONLY", Exit.NOT_ALLOWED),
        (404, "UNKNOWN_ORDER", Exit.FAILURE),
        (409, "ORDER_NOT_WORKING", Exit.FAILURE),
        (422, "INSUFFICIENT_CASH", Exit.REFUSED),
        (422, "OFF_TICK", Exit.REFUSED),
        (422, "UNKNOWN_ACCOUNT", Exit.FAILURE),
        (422, "WRONG_TYPE", Exit.FAILURE),
        (503, "OVERLOADED", Exit.FAILURE),
    ],
)
def test_a_problem_document_has_its_exit_code(status: int, code: str, exit_code: Exit) -> None:
    problem = {"code": code, "detail": "because", "title": "No", "field": "a.b", "line": 3}
    failure = failure_of_change(answering(status, problem, **{"x-request-id": "r-1"}))

    advice = "; log in: phalanx login" if status == 401 else ""
    assert (failure.exit_code, failure.code) == (exit_code, code)
    assert failure.detail == f"because{advice}"
    assert failure.facts == {"status": status, "field": "a.b", "line": 3, "request_id": "r-1"}


def test_an_answer_that_is_no_problem_document_is_a_failure_all_the_same() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(404, text="<html>"))
    with pytest.raises(Failure, match="the server answered 404") as caught:
        server_that(transport).read("/x")

    assert caught.value.code == "HTTP_404"


def test_a_redirect_is_not_followed() -> None:
    with pytest.raises(Failure) as caught, answering(307, location="/elsewhere") as server:
        server.read("/x")

    assert caught.value.code == "HTTP_307"


@pytest.mark.parametrize(
    "text",
    ["", "8080", "127.0.0.1:8080", "ftp://x", "http://", "http://user:word@x", "http://[::1"],
)
def test_an_address_that_is_none_is_usage(text: str) -> None:
    with pytest.raises(Failure) as caught:
        checked_url(text)

    assert (caught.value.exit_code, caught.value.code) == (Exit.USAGE, "BAD_ADDRESS")
    assert "word" not in caught.value.detail or "user:word" not in caught.value.detail


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://desk.example/phalanx/", "https://desk.example/phalanx"),
    ],
)
def test_an_address(text: str, url: str) -> None:
    assert checked_url(text) == url


@pytest.mark.parametrize("key", ["", "with blank", "ü", "x" * 129, "line\nbreak"])
def test_a_key_that_no_header_takes_is_usage(key: str) -> None:
    with pytest.raises(Failure, match="IDEMPOTENCY_KEY_INVALID"):
        chosen_key(key)


def test_the_server_of_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "phalanx.toml"
    assert configured_server(file) == DEFAULT_SERVER
    file.write_text('port = 9000\nserver = "http://127.0.0.1:9000"\n')
    assert configured_server(file) == "http://127.0.0.1:9000"
    file.write_text("server = \n")
    with pytest.raises(Failure, match="BAD_SETTING"):
        configured_server(file)


def test_a_flag_wins_over_the_settings_file() -> None:
    Path("phalanx.toml").write_text('server = "http://127.0.0.1:9000"\n')

    with connect(None, 1.0) as configured, connect("http://127.0.0.1:1", 1.0) as named:
        assert (configured.url, named.url) == ("http://127.0.0.1:9000", "http://127.0.0.1:1")


def test_proxy_settings_of_the_machine_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with pytest.raises(Failure) as caught, Server("http://127.0.0.1:1", 1.0) as server:
        server.read("/x")

    assert "127.0.0.1:1 cannot be reached" in caught.value.detail
