"""Verification by itself: the same work whoever asks, and no way past it."""

import hmac
from collections.abc import Callable
from typing import Any

import pytest

from phalanx.api.head import Head
from phalanx.api.hooks import signatures
from phalanx.api.hooks.memory import SourceMemory
from phalanx.api.hooks.signatures import Signed, is_one_of, is_signed, read_signed
from phalanx.domain.secrets import Secret
from phalanx.domain.time import MINUTE, SECOND

ONE, TWO = Secret("one" * 12), Secret("two" * 12)


def signed(secret: Secret, body: bytes) -> Signed:
    text = b"1700000000.nonce-01." + body
    made = hmac.new(secret.reveal().encode(), text, "sha256").digest()
    return Signed(b"1700000000", b"nonce-01", made)


def test_either_secret_signs_and_no_other() -> None:
    assert is_signed((ONE, TWO), signed(TWO, b"body"), b"body")
    assert is_signed((ONE,), signed(ONE, b"body"), b"body")
    assert not is_signed((ONE,), signed(TWO, b"body"), b"body")
    assert not is_signed((), signed(ONE, b"body"), b"body")
    assert not is_signed((ONE, TWO), None, b"body")
    assert is_one_of((ONE, TWO), TWO.reveal())
    assert not is_one_of((ONE,), TWO.reveal())
    assert not is_one_of((), "")


def test_what_stands_in_for_a_missing_secret_opens_nothing() -> None:
    nobodys = signatures._NOBODYS

    assert not is_signed((), signed(nobodys, b"body"), b"body")
    assert not is_one_of((), nobodys.reveal())


@pytest.mark.parametrize("secrets", [(), (ONE,), (ONE, TWO), (TWO, ONE)])
@pytest.mark.parametrize("said", [None, signed(ONE, b"body")])
def test_the_work_is_the_same_whoever_asks(
    secrets: tuple[Secret, ...], said: Signed | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def watched(name: str, does: Callable[..., Any]) -> None:
        def call(*words: object) -> object:
            calls.append(name)
            return does(*words)

        monkeypatch.setattr(signatures, name, call)

    watched("hmac_digest", hmac.digest)
    watched("compare_digest", hmac.compare_digest)
    is_signed(secrets, said, b"body")
    assert calls == ["hmac_digest", "compare_digest"] * 2
    calls.clear()
    is_one_of(secrets, "said")
    assert calls == ["compare_digest"] * 2


def test_a_header_that_is_there_twice_is_none() -> None:
    good = {
        b"x-phalanx-timestamp": b"1700000000",
        b"x-phalanx-nonce": b"nonce-01",
        b"x-phalanx-signature": b"v1=" + b"a" * 64,
    }

    assert read_signed(Head(good)) is not None
    for name, value in good.items():
        assert read_signed(Head({**good, name: value + b", " + value})) is None
        assert read_signed(Head({**good, name: value + b"\n"})) is None


def test_the_window_is_as_wide_to_both_sides() -> None:
    of = signed(ONE, b"")

    assert of.is_in_window(1_700_000_300 * SECOND)
    assert of.is_in_window(1_699_999_700 * SECOND)
    assert not of.is_in_window(1_700_000_300 * SECOND + 1)
    assert not of.is_in_window(1_699_999_700 * SECOND - 1)


def test_a_nonce_is_forgotten_once_no_signature_with_it_can_be_good() -> None:
    memory = SourceMemory()
    memory.use(b"nonce-01", 0)

    assert memory.has_come(b"nonce-01", 600 * SECOND)
    assert not memory.has_come(b"nonce-01", 602 * SECOND)


def test_a_minute_moves() -> None:
    memory = SourceMemory()
    for at in (0, 30):
        memory.check_rate(2, at * SECOND)
        memory.passes(at * SECOND)
    with pytest.raises(Exception, match="HOOK_BUSY") as caught:
        memory.check_rate(2, 59 * SECOND)
    assert caught.value.headers == ((b"retry-after", b"1"),)  # type: ignore[attr-defined]
    memory.check_rate(2, MINUTE)
    with pytest.raises(Exception, match="HOOK_BUSY"):
        memory.check_rate(1, MINUTE)


def test_too_many_alerts_are_told_once_a_minute() -> None:
    memory = SourceMemory()

    told = [memory.is_to_be_told_busy(at * SECOND) for at in (0, 59, 60, 61, 120)]
    assert told == [True, False, True, False, True]
