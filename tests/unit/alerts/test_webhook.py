"""Our own signed webhook."""

import hashlib
import hmac
import json

import pytest

from phalanx.alerts.addresses import HostsAllowed
from phalanx.alerts.errors import ADDRESS_NOT_ALLOWED, INVALID_CHANNEL, AlertError, SendFailed
from phalanx.alerts.message import Message
from phalanx.alerts.outgoing import Outgoing
from phalanx.alerts.webhook import WebhookSender
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND
from tests.unit.alerts.servers import PUBLIC, Network, Resolver, Server

SECRET = Secret("a long random secret")
MESSAGE = Message("A1", "storm", "kill", "all/", "KILL: ü", 5, ("A1",), "I1")


def sender(server: Server, url: str = "webhook+http://alerts.example.com/x") -> WebhookSender:
    allowed = HostsAllowed(["alerts.example.com"])
    outgoing = Outgoing(allowed, resolve=Resolver((PUBLIC,)), backend=Network(server))
    return WebhookSender(Secret(url), SECRET, outgoing, lambda: 1_700_000_000 * SECOND)


def test_it_is_json_signed_over_time_and_body() -> None:
    with Server() as server:
        sender(server).send(MESSAGE)

    head, _, body = server.received[0].partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    expected = hmac.new(SECRET.reveal().encode(), b"1700000000." + body, hashlib.sha256)
    assert headers["X-Phalanx-Timestamp"] == "1700000000"
    assert headers["X-Phalanx-Signature"] == f"v1={expected.hexdigest()}"
    assert json.loads(body) == {
        "id": "A1",
        "rule": "storm",
        "what": "kill",
        "subject": "all/",
        "text": "KILL: ü",
        "at": 5,
        "accounts": ["A1"],
        "instruction": "I1",
    }


@pytest.mark.parametrize(
    ("answer", "why", "again"),
    [
        (b"HTTP/1.1 302 Found\r\nlocation: http://localhost/\r\n", "HTTP_302", False),
        (b"HTTP/1.1 404 Not Found\r\n", "HTTP_404", False),
        (b"HTTP/1.1 429 Too Many\r\n", "HTTP_429", True),
        (b"HTTP/1.1 500 Oops\r\n", "HTTP_500", True),
    ],
)
def test_only_a_success_is_one(answer: bytes, why: str, again: bool) -> None:
    with (
        Server(answer + b"content-length: 0\r\n\r\n") as server,
        pytest.raises(SendFailed) as caught,
    ):
        sender(server).send(MESSAGE)

    assert (caught.value.why, caught.value.again) == (why, again)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "url",
    [
        "webhook+http://127.0.0.1/",
        "webhook+https://2130706433/",
        "webhook+https://u:p@alerts.example.com/",
        "webhook+https://alerts.example.com:22/",
        "webhook+http://other.example.com/",
    ],
)
def test_an_address_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(AlertError, match=ADDRESS_NOT_ALLOWED):
        WebhookSender(Secret(url), SECRET, Outgoing(HostsAllowed()), lambda: 0)


def test_a_secret_has_sixteen_bytes_at_least() -> None:
    url = Secret("webhook+https://alerts.example.com/")
    with pytest.raises(AlertError, match=INVALID_CHANNEL):
        WebhookSender(url, Secret("x" * 15), Outgoing(HostsAllowed()), lambda: 0)
