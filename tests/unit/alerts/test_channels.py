"""Channels: checked, sealed, opened again; their addresses are shown to nobody."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from phalanx.alerts.channels import CHANNELS_MAX, Channels
from phalanx.alerts.errors import (
    CHANNEL_NOT_ALLOWED,
    INVALID_CHANNEL,
    TOO_MANY_CHANNELS,
    UNKNOWN_CHANNEL,
    AlertError,
)
from phalanx.alerts.lines import Sender
from phalanx.alerts.message import Message
from phalanx.domain.secrets import Secret

URL = Secret("discord://1/token")
NO_SECRET = Secret("")


class Kept(NamedTuple):
    login: str
    broker: str
    version: int


class MemoryVault:
    def __init__(self) -> None:
        self.kept: dict[str, tuple[Kept, Mapping[str, Secret]]] = {}
        self.read_by: list[tuple[str, str, str]] = []

    def put(
        self, login: str, broker: str, fields: Mapping[str, Secret], *, expected: int, by: str
    ) -> Kept:
        found = self.kept.get(login)
        assert (found[0].version if found else 0) == expected
        kept = Kept(login, broker, expected + 1)
        self.kept[login] = (kept, fields)
        return kept

    def read(self, login: str, reader: str, why: str) -> Mapping[str, Secret]:
        self.read_by.append((login, reader, why))
        return self.kept[login][1]

    def forget(self, login: str) -> None:
        del self.kept[login]

    def list(self) -> tuple[Kept, ...]:
        return tuple(one for one, _ in self.kept.values())


class Silent:
    def send(self, message: Message) -> None: ...


def open_any(scheme: str, url: Secret, secret: Secret) -> Sender:
    if scheme != "discord":
        raise AlertError(CHANNEL_NOT_ALLOWED, "no")
    return Silent()


@pytest.fixture
def vault() -> MemoryVault:
    return MemoryVault()


@pytest.fixture
def channels() -> Channels:
    return Channels(open_any)


def code(channels: Channels, vault: MemoryVault, name: str, url: Secret = URL) -> str:
    with pytest.raises(AlertError) as caught:
        channels.put(vault, name, url, NO_SECRET, "ann")
    return caught.value.code


def test_a_channel_is_sealed_under_its_name_and_opened_again(
    channels: Channels, vault: MemoryVault
) -> None:
    vault.put("broker-login", "paper", {}, expected=0, by="ann")
    channels.put(vault, "phone", URL, NO_SECRET, "ann")
    put = channels.put(vault, "phone", URL, Secret("a secret of sixteen"), "ann")

    kept, fields = vault.kept["alert/phone"]
    assert (kept.broker, kept.version) == ("discord", 2)
    assert fields.keys() == {"url", "secret"}
    (opened,) = channels.load(vault)
    assert opened.channel == put.channel
    assert opened.sender is not None
    assert vault.read_by == [("alert/phone", "alerts", "to send alerts")]
    assert "token" not in repr(opened)


def test_what_is_refused_is_not_sealed(channels: Channels, vault: MemoryVault) -> None:
    assert code(channels, vault, "phone", Secret("json://x")) == CHANNEL_NOT_ALLOWED
    assert code(channels, vault, "phone", Secret("nothing")) == INVALID_CHANNEL
    assert vault.kept == {}


@pytest.mark.parametrize("name", ["", "a b", "a/b", "../x", "-x", "x" * 41, "\u00fc"])
def test_names_are_plain(channels: Channels, vault: MemoryVault, name: str) -> None:
    assert code(channels, vault, name) == INVALID_CHANNEL


def test_there_are_only_so_many(channels: Channels, vault: MemoryVault) -> None:
    for number in range(CHANNELS_MAX):
        channels.put(vault, f"c{number}", URL, NO_SECRET, "ann")

    assert code(channels, vault, "more") == TOO_MANY_CHANNELS
    channels.put(vault, "c0", URL, NO_SECRET, "ann")


def test_a_channel_is_forgotten(channels: Channels, vault: MemoryVault) -> None:
    channels.put(vault, "phone", URL, NO_SECRET, "ann")
    channels.forget(vault, "phone")

    assert vault.kept == {}
    with pytest.raises(AlertError, match=UNKNOWN_CHANNEL):
        channels.forget(vault, "phone")


def test_one_that_cannot_be_opened_says_why_and_does_not_keep_the_others(
    channels: Channels, vault: MemoryVault
) -> None:
    vault.put("alert/bad", "json", {"url": Secret("json://x")}, expected=0, by="ann")
    vault.put("alert/empty", "discord", {}, expected=0, by="ann")
    channels.put(vault, "phone", URL, NO_SECRET, "ann")

    found = {one.channel.name: one for one in channels.load(vault)}
    assert found["bad"].channel.trouble == CHANNEL_NOT_ALLOWED
    assert found["empty"].channel.trouble == "KeyError"
    assert found["bad"].sender is None
    assert found["phone"].sender is not None
