"""Channels: where alerts go. Their addresses hold tokens and are sealed; here is only how they are kept."""

import re
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Final, Protocol, TypeAlias

import msgspec

from phalanx.alerts.addresses import URL_CHARACTERS_MAX
from phalanx.alerts.errors import (
    CHANNEL_NOT_ALLOWED,
    INVALID_CHANNEL,
    TOO_MANY_CHANNELS,
    UNKNOWN_CHANNEL,
    AlertError,
)
from phalanx.alerts.lines import Sender
from phalanx.alerts.outgoing import Outgoing
from phalanx.alerts.services import is_service, open_service
from phalanx.alerts.webhook import SCHEMES, WebhookSender
from phalanx.domain.secrets import Secret
from phalanx.domain.time import Nanoseconds

CHANNELS_MAX: Final = 32
LOGIN_PREFIX: Final = "alert/"
READER: Final = "alerts"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31})://")


class Entry(Protocol):
    """What a vault shows of what it keeps."""

    @property
    def login(self) -> str: ...
    @property
    def broker(self) -> str: ...
    @property
    def version(self) -> int: ...


class Vault(Protocol):
    """Where addresses are sealed: the credential store, a channel's scheme in the place of a broker."""

    def put(
        self, login: str, broker: str, fields: Mapping[str, Secret], *, expected: int, by: str
    ) -> object:
        """Keep it in the place of version ``expected``, 0 where there is none."""
        ...

    def read(self, login: str, reader: str, why: str) -> Mapping[str, Secret]:
        """What is kept."""
        ...

    def forget(self, login: str) -> None:
        """Keep it no more."""
        ...

    def list(self) -> Iterable[Entry]:
        """All entries, also of others."""
        ...


class Channel(msgspec.Struct, frozen=True):
    """What is shown of a channel. ``trouble``: why it cannot be used, a code."""

    name: str
    scheme: str
    trouble: str = ""


class Opened(msgspec.Struct, frozen=True):
    """A channel and what sends to it; None where there is trouble."""

    channel: Channel
    sender: Sender | None


Opener: TypeAlias = Callable[[str, Secret, Secret], Sender]
"""Makes the sender of a scheme, a URL and a secret (empty: none). Raises AlertError."""


def opener(outgoing: Outgoing, now: Callable[[], Nanoseconds]) -> Opener:
    """Senders over this outgoing HTTP."""

    def open_sender(scheme: str, url: Secret, secret: Secret) -> Sender:
        if scheme in SCHEMES:
            return WebhookSender(url, secret, outgoing, now)
        if is_service(scheme):
            return open_service(scheme, url, outgoing)
        raise AlertError(CHANNEL_NOT_ALLOWED, "alerts are not sent that way; see docs/alerts.md")

    return open_sender


class Channels:
    """The channels of a vault. Blocking; one change at a time."""

    def __init__(self, open_sender: Opener) -> None:
        self._open = open_sender
        self._lock = Lock()

    def put(self, vault: Vault, name: str, url: Secret, secret: Secret, by: str) -> Opened:
        """Check, seal and open a channel.

        Raises AlertError CHANNEL_NOT_ALLOWED, INVALID_CHANNEL, ADDRESS_NOT_ALLOWED, TOO_MANY_CHANNELS; and
        as the vault does.
        """
        if not _NAME.fullmatch(name):
            raise AlertError(
                INVALID_CHANNEL, "a channel's name has 1 to 40 plain letters and digits"
            )
        scheme = scheme_of(url)
        sender = self._open(scheme, url, secret)
        fields = {"url": url} | ({"secret": secret} if secret.reveal() else {})
        login = LOGIN_PREFIX + name
        with self._lock:
            kept = {one.login: one.version for one in _entries(vault)}
            if login not in kept and len(kept) >= CHANNELS_MAX:
                raise AlertError(TOO_MANY_CHANNELS, f"more than {CHANNELS_MAX} channels")
            vault.put(login, scheme, fields, expected=kept.get(login, 0), by=by)
        return Opened(Channel(name, scheme), sender)

    def forget(self, vault: Vault, name: str) -> None:
        """Raises AlertError UNKNOWN_CHANNEL, and as the vault does."""
        login = LOGIN_PREFIX + name
        with self._lock:
            if not any(one.login == login for one in _entries(vault)):
                raise AlertError(UNKNOWN_CHANNEL, f"no channel {name}")
            vault.forget(login)

    def load(self, vault: Vault) -> list[Opened]:
        """All of them; one that cannot be opened says why, and does not keep the others."""
        return [self._opened(vault, one) for one in _entries(vault)]

    def _opened(self, vault: Vault, entry: Entry) -> Opened:
        name = entry.login.removeprefix(LOGIN_PREFIX)
        try:
            fields = vault.read(entry.login, READER, "to send alerts")
            sender = self._open(entry.broker, fields["url"], fields.get("secret", Secret("")))
        except Exception as error:  # noqa: BLE001  its words may hold what was sealed
            code = getattr(error, "code", type(error).__name__)
            return Opened(Channel(name, entry.broker, str(code)), None)
        return Opened(Channel(name, entry.broker), sender)


def scheme_of(url: Secret) -> str:
    """In small letters. Raises AlertError INVALID_CHANNEL."""
    text = url.reveal()
    found = _SCHEME.match(text)
    if found is None or len(text) > URL_CHARACTERS_MAX or not text.isascii():
        raise AlertError(INVALID_CHANNEL, "an address is like SERVICE://…")
    if not text.isprintable() or " " in text:
        raise AlertError(INVALID_CHANNEL, "an address has no spaces")
    return found[1].lower()


def _entries(vault: Vault) -> list[Entry]:
    return [one for one in vault.list() if one.login.startswith(LOGIN_PREFIX)]
