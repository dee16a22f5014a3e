"""Services through apprise: only those on the list, only to their hosts, only over our own HTTP."""

import json
import logging
import sys
from collections.abc import Mapping

import pytest
import requests

from phalanx.alerts.addresses import HostsAllowed
from phalanx.alerts.channels import opener, scheme_of
from phalanx.alerts.errors import CHANNEL_NOT_ALLOWED, INVALID_CHANNEL, AlertError, SendFailed
from phalanx.alerts.lines import Sender
from phalanx.alerts.message import Message
from phalanx.alerts.outgoing import Outgoing, Received
from phalanx.alerts.services import SERVICES, SafeRequests, open_service
from phalanx.domain.secrets import Secret

ADDRESSES = {
    "discord": "discord://123456789012345678/abcdefghijklmnop/",
    "gchat": "gchat://workspace/webhookkey/webhooktoken",
    "ntfys": "ntfys://phalanx-topic",
    "pover": f"pover://{'u' * 30}@{'t' * 30}",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
    "tgram": f"tgram://123456789:{'a' * 35}/12345/",
    "twilio": f"twilio://AC{'a' * 32}:{'b' * 32}@15551234567/15557654321",
}
ANSWERS = {"slack": b"ok", "tgram": b'{"ok": true}', "pover": b'{"status": 1}'}


class Recorder(Outgoing):
    """Sends nothing, and remembers what was to be sent."""

    def __init__(self, status: int = 200, body: bytes = b"{}") -> None:
        super().__init__(HostsAllowed())
        self.status = status
        self.body = body
        self.sent: list[tuple[str, str, bytes]] = []

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        timeout_s: float = 10.0,
    ) -> Received:
        self.sent.append((method, url, body))
        return Received(self.status, {}, self.body)


def message(text: str = "KILL: everybody stopped by ann") -> Message:
    return Message("A1", "rule", "kill", "all/", text, 0)


def opened(url: str, outgoing: Outgoing) -> Sender:
    secret = Secret(url)
    sender = opener(outgoing, lambda: 0)(scheme_of(secret), secret, Secret(""))
    # How slowly apprise speaks to a service is not what is looked at here.
    vars(vars(sender)["_plugin"])["request_rate_per_sec"] = 0
    return sender


def refused(url: str) -> str:
    with pytest.raises(AlertError) as caught:
        opened(url, Recorder())
    assert url not in caught.value.message
    return caught.value.code


def test_every_service_is_tried_below() -> None:
    assert ADDRESSES.keys() == SERVICES.keys()


@pytest.mark.parametrize("scheme", SERVICES)
def test_an_alert_goes_out_over_our_own_http_to_the_service_s_host(scheme: str) -> None:
    recorder = Recorder(200, ANSWERS.get(scheme, b"{}"))
    sender = opened(ADDRESSES[scheme], recorder)
    for number in (1, 2):
        sender.send(message(f"number {number}"))

    assert len(recorder.sent) >= 2
    for _, url, _ in recorder.sent:
        assert any(
            url.startswith(f"https://{host}/") for host in SERVICES[scheme].hosts
        ) or url in {f"https://{host}" for host in SERVICES[scheme].hosts}
    assert any(b"number" in body and b"2" in body for _, _, body in recorder.sent)


@pytest.mark.parametrize("scheme", SERVICES)
def test_what_a_service_does_not_take_failed_with_its_status(scheme: str) -> None:
    sender = opened(ADDRESSES[scheme], Recorder(403))
    with pytest.raises(SendFailed) as caught:
        sender.send(message())

    assert caught.value.why == "HTTP_403"
    assert not caught.value.again


def test_two_channels_of_one_service_tell_what_went_wrong_each() -> None:
    first = opened(ADDRESSES["discord"], Recorder(403))
    second = opened("discord://223456789012345678/abcdefghijklmnop/", Recorder(403))
    for sender in (first, second):
        with pytest.raises(SendFailed, match="HTTP_403"):
            sender.send(message())


def test_a_server_that_is_down_may_be_tried_again() -> None:
    sender = opened(ADDRESSES["discord"], Recorder(503))
    with pytest.raises(SendFailed) as caught:
        sender.send(message())

    assert caught.value.again


@pytest.mark.parametrize(
    "url",
    [
        "json://alerts.example.com/x",
        "jsons://alerts.example.com/x",
        "xml://alerts.example.com/x",
        "form://alerts.example.com/x",
        "file:///etc/passwd",
        "dbus://",
        "syslog://",
        "apprise://host/token",
        "mailtos://user:word@example.com",
        "workflows://host/x/y",
        "ntfy://phalanx-topic",
        "ntfys://ntfy.example.com/topic",
        "https://discord.com/api/webhooks/1/2",
        "discord://1/abc?template=/etc/passwd",
        "discord://1/abc?avatar_url=http://169.254.169.254/",
        "discord://1/abc?verify=no",
        "discord://1/abc?redirect=yes",
        "slack://a/b/c#channel",
        "ntfys://topic?attach=http://127.0.0.1/",
        "ntfys://topic?mode=private",
    ],
)
def test_anything_else_is_not_allowed(url: str) -> None:
    assert refused(url) == CHANNEL_NOT_ALLOWED


@pytest.mark.parametrize(
    "url",
    ["x", "discord", "discord:///", "tgram://x", "slack://a b", "ntfys://t\n", "slack://\u00fc"],
)
def test_what_is_no_address_is_invalid(url: str) -> None:
    assert refused(url) == INVALID_CHANNEL


def test_a_few_options_are_allowed_and_the_scheme_may_be_in_large_letters() -> None:
    recorder = Recorder(200, b'{"status": 1}')
    opened(f"POVER://{'u' * 30}@{'t' * 30}?priority=high&sound=siren", recorder).send(message())

    assert len(recorder.sent) == 1


def test_a_plugin_speaks_to_no_other_host() -> None:
    safe = SafeRequests(requests, Recorder(), frozenset({"discord.com"}))
    for url in ("http://127.0.0.1/", "https://discord.com.evil.example/", "https://evil.example/"):
        with pytest.raises(requests.RequestException):
            safe.post(url, data=b"x")
        assert safe.failed is not None
        assert safe.failed.why == CHANNEL_NOT_ALLOWED
    assert not hasattr(safe, "Session")


def test_what_a_plugin_says_about_the_connection_does_not_count() -> None:
    recorder = Recorder()
    safe = SafeRequests(requests, recorder, frozenset({"discord.com"}))
    options = {"verify": False, "allow_redirects": True, "proxies": {"https": "http://x"}}
    answer = safe.post("https://discord.com/x", json={"a": 1}, params={"b": "c"}, **options)

    assert answer.status_code == 200
    assert recorder.sent == [("POST", "https://discord.com/x?b=c", b'{"a": 1}')]


def test_names_are_text_in_what_is_sent() -> None:
    recorder = Recorder(200, b'{"ok": true}')
    opened(ADDRESSES["tgram"], recorder).send(message("A \u2039b\u203a \uff20all M+M's"))

    body = json.loads(recorder.sent[-1][2])
    assert "<b>" not in body["text"]
    assert "\u2039b\u203a" in body["text"]


def test_no_other_plugin_is_loaded_and_its_log_is_off() -> None:
    open_service("discord", Secret(ADDRESSES["discord"]), Recorder())

    loaded = {one for one in sys.modules if one.startswith("apprise.plugins.")}
    known = {f"apprise.plugins.{one.module}" for one in SERVICES.values()}
    assert loaded <= known | {"apprise.plugins.base"}
    assert logging.getLogger("apprise").disabled
