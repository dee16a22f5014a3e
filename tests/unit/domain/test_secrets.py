"""A secret is shown by nothing but the one call that is for it."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.secrets import Secret

CANARY = "canary-7f3a9c"

SHOWN: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "format": format,
    "in a sentence": lambda secret: f"{secret}",
    "in a sentence as repr": lambda secret: f"{secret!r}",
    "in a sentence as ascii": lambda secret: f"{secret!a}",
    "str in a column": lambda secret: f"{secret!s:>40}",
    "in a column": lambda secret: f"{secret:>40}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "inside others": lambda secret: repr([secret, {"password": secret}]),
    "json, str": lambda secret: json.dumps({"password": secret}, default=str),
    "json, repr": lambda secret: json.dumps({"password": secret}, default=repr),
    "msgspec": lambda secret: msgspec.json.encode([secret], enc_hook=str).decode(),
    "msgpack": lambda secret: repr(msgspec.msgpack.encode([secret], enc_hook=repr)),
    "builtins": lambda secret: repr(msgspec.to_builtins([secret], enc_hook=str)),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN.keys())
def test_nothing_that_shows_things_shows_it(show: Callable[[Secret], str]) -> None:
    shown = show(Secret(CANARY))

    assert CANARY not in shown
    assert "***" in shown


def test_it_is_revealed_when_that_is_asked() -> None:
    assert Secret(CANARY).reveal() == CANARY


def test_what_is_shown_does_not_tell_its_length() -> None:
    assert repr(Secret("")) == repr(Secret(CANARY)) == "Secret(***)"


@pytest.mark.parametrize(
    "encode", [json.dumps, msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins]
)
def test_an_encoder_without_a_hook_refuses_it(encode: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as refused:
        encode({"password": Secret(CANARY)})

    assert CANARY not in "".join(traceback.format_exception(refused.value))


def state_of(secret: Secret) -> object:
    return secret.__getstate__()


@pytest.mark.parametrize(
    "take", [pickle.dumps, copy.copy, copy.deepcopy, state_of, vars], ids=lambda take: take.__name__
)
def test_nobody_takes_a_copy_of_it(take: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as refused:
        take(Secret(CANARY))

    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_pickle_holds_it(protocol: int) -> None:
    with pytest.raises(TypeError):
        pickle.dumps({"password": Secret(CANARY)}, protocol)


def test_a_log_line_does_not_hold_it(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("%s %r", *[Secret(CANARY)] * 2)

    assert "***" in caplog.text
    assert CANARY not in caplog.text


@given(st.text(), st.text())
def test_two_are_equal_when_their_texts_are(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) is (one == other)
    assert Secret(one) == Secret(one)


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_can_be_compared(one: str, other: str) -> None:
    assert (Secret(f"{one}\ud800") == Secret(f"{other}\ud800")) is (one == other)


def test_it_equals_nothing_but_a_secret() -> None:
    assert Secret(CANARY) != CANARY


def test_it_is_no_key_of_a_dict() -> None:
    with pytest.raises(TypeError):
        hash(Secret(CANARY))
