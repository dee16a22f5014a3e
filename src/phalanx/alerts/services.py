"""Services through apprise: those whose host is fixed, each sending through our own outgoing HTTP.

apprise's plugins call ``requests``. In the plugins that are used here this name stands for `SafeRequests`,
so that no address, proxy, redirect or certificate setting of theirs counts. No other plugin is loaded, and
no configuration, attachment or template.
"""

import importlib
import logging
import re
import threading
from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

from phalanx.alerts.errors import CHANNEL_NOT_ALLOWED, INVALID_CHANNEL, AlertError, SendFailed
from phalanx.alerts.message import Message
from phalanx.alerts.outgoing import Outgoing
from phalanx.domain.secrets import Secret


class Service(msgspec.Struct, frozen=True):
    """A plugin of apprise: its module and class, and the only hosts that it may speak to."""

    module: str
    plugin: str
    hosts: frozenset[str]


SERVICES: Final[Mapping[str, Service]] = {
    "discord": Service("discord", "NotifyDiscord", frozenset({"discord.com"})),
    "gchat": Service("google_chat", "NotifyGoogleChat", frozenset({"chat.googleapis.com"})),
    "ntfys": Service("ntfy", "NotifyNtfy", frozenset({"ntfy.sh"})),
    "pover": Service("pushover", "NotifyPushover", frozenset({"api.pushover.net"})),
    "slack": Service("slack", "NotifySlack", frozenset({"hooks.slack.com", "slack.com"})),
    "tgram": Service("telegram", "NotifyTelegram", frozenset({"api.telegram.org"})),
    "twilio": Service("twilio", "NotifyTwilio", frozenset({"api.twilio.com"})),
}

_OPTIONS: Final = re.compile(r"(priority|sound|topic|thread)=[A-Za-z0-9_.-]{1,64}")
_guarding = threading.Lock()
_said = threading.local()
"""What went wrong last on a thread: plugins of one module share its requests, and say yes or no only."""


class ServiceSender:
    """One address of a service. Made by `open_service`."""

    def __init__(self, plugin: Any, requests: "SafeRequests") -> None:  # noqa: ANN401  not typed
        self._plugin = plugin
        self._requests = requests

    def send(self, message: Message) -> None:
        """Raises SendFailed."""
        self._requests.forget()
        try:
            is_sent = self._plugin.notify(
                title="", body=message.text, body_format="text", notify_type="warning"
            )
        except Exception as error:  # noqa: BLE001  a plugin's words may hold its address
            raise SendFailed(type(error).__name__) from None
        if not is_sent:
            failed = self._requests.failed
            raise failed or SendFailed("NOT_ACCEPTED")


def is_service(scheme: str) -> bool:
    """Whether a scheme is one of a service's."""
    return scheme in SERVICES


def open_service(scheme: str, url: Secret, outgoing: Outgoing) -> ServiceSender:
    """The service at an address; it takes half a second the first time, and speaks to nobody.

    Raises AlertError CHANNEL_NOT_ALLOWED, INVALID_CHANNEL.
    """
    service = SERVICES[scheme]
    text = url.reveal()
    if "#" in text or not all(_OPTIONS.fullmatch(one) for one in _options(text)):
        raise AlertError(
            CHANNEL_NOT_ALLOWED, "of options only priority, sound, topic and thread may be given"
        )
    requests = _guarded(service, outgoing)
    plugin = _plugin(service, text)
    if plugin is None:
        raise AlertError(INVALID_CHANNEL, f"that is no address of {scheme}")
    if scheme == "ntfys" and plugin.mode != "cloud":
        raise AlertError(CHANNEL_NOT_ALLOWED, "of ntfy only topics at ntfy.sh, as ntfys://TOPIC")
    return ServiceSender(plugin, requests)


class SafeRequests:
    """As much of ``requests`` as the plugins use, over `Outgoing`. Anything else of it is not there."""

    def __init__(self, real: Any, outgoing: Outgoing, hosts: frozenset[str]) -> None:  # noqa: ANN401
        self._real = real
        self._outgoing = outgoing
        self._hosts = hosts
        self.codes = real.codes
        self.RequestException = real.RequestException

    @property
    def failed(self) -> SendFailed | None:
        """What went wrong last on this thread."""
        return getattr(_said, "failed", None)

    def forget(self) -> None:
        """Nothing went wrong yet on this thread."""
        _said.failed = None

    def get(self, url: str, **options: Any) -> Any:  # noqa: ANN401
        """As requests has it."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Any:  # noqa: ANN401
        """As requests has it."""
        return self.request("POST", url, **options)

    def request(self, method: str, url: str, **options: Any) -> Any:  # noqa: ANN401
        """As requests has it, with what is in the request itself; the rest is ours to say."""
        try:
            return self._request(method, url, options)
        except AlertError as error:
            _said.failed = SendFailed(error.code, again=False)
        except SendFailed as error:
            _said.failed = error
        raise self.RequestException

    def _request(self, method: str, url: str, options: Mapping[str, Any]) -> Any:  # noqa: ANN401
        names = ("params", "data", "json", "headers", "auth")
        given = {name: options[name] for name in names if options.get(name) is not None}
        made = self._real.Request(method, url, **given).prepare()
        if httpx.URL(made.url).host not in self._hosts:
            raise SendFailed(CHANNEL_NOT_ALLOWED, again=False)
        body = made.body or b""
        received = self._outgoing.send(
            made.method,
            made.url,
            {name: str(value) for name, value in made.headers.items()},
            body.encode() if isinstance(body, str) else body,
        )
        answer = self._real.Response()
        answer.status_code = received.status
        answer.headers.update(received.headers)
        answer.url = made.url
        answer.raw = None
        answer._content = received.body  # noqa: SLF001  what its own adapter sets
        if not is_success(received.status):
            _said.failed = failed_with(received.status)
        return answer


def is_success(status: int) -> bool:
    """Whether an alert got through with it; a redirect is followed by nobody."""
    return 200 <= status < 300  # noqa: PLR2004


def failed_with(status: int) -> SendFailed:
    """What a status means: a refusal will not change its mind, but for too many and too slow."""
    again = status >= 500 or status in {408, 429}  # noqa: PLR2004
    return SendFailed(f"HTTP_{status}", again=again)


def _options(url: str) -> list[str]:
    _, mark, query = url.partition("?")
    return query.split("&") if mark else []


def _guarded(service: Service, outgoing: Outgoing) -> SafeRequests:
    """The plugin's module with our requests in it."""
    with _guarding:
        # It writes addresses into its log.
        logging.getLogger("apprise").disabled = True
        module: Any = importlib.import_module(f"apprise.plugins.{service.module}")
        real = importlib.import_module("requests")
        module.requests = SafeRequests(real, outgoing, service.hosts)
        requests: SafeRequests = module.requests
        return requests


def _plugin(service: Service, url: str) -> Any | None:  # noqa: ANN401  apprise has no types for it
    asset = importlib.import_module("apprise").AppriseAsset(
        storage_mode="memory", http_redirects=False, service_timeout=0, allow_templates=False
    )
    made = getattr(importlib.import_module(f"apprise.plugins.{service.module}"), service.plugin)
    try:
        parsed = made.parse_url(url)
        return made(**parsed, asset=asset) if parsed else None
    except Exception:  # noqa: BLE001  its words hold the address
        return None
