"""Only the broker's own words are an answer, and only declared ones are a refusal."""

from functools import cache

import msgspec
import pytest

from phalanx.brokers.outcome import Reply
from phalanx.brokers.port import Accepted, Refused, Unknown
from phalanx.brokers.stub import StubBroker, stub_capabilities
from phalanx.brokers.wire import Address, Answer, Dialer
from phalanx.domain.capabilities import BrokerKind

CAPABILITIES = stub_capabilities()


@cache
def _broker() -> StubBroker:
    return StubBroker(Dialer(Address("127.0.0.1", 1)), CAPABILITIES, lambda: ())


def _answer(status: int, **fields: object) -> Answer:
    return Answer(status, msgspec.json.encode(fields))


def test_an_acceptance_with_its_id_is_one() -> None:
    found = _broker()._outcome(_answer(200, accepted=True, order_id="B1"), "T")

    assert found == Accepted("B1")


@pytest.mark.parametrize("code", sorted(CAPABILITIES.definite_codes))
@pytest.mark.parametrize("status", [200, 401, 429])
def test_a_declared_refusal_is_definite(status: int, code: str) -> None:
    found = _broker()._outcome(_answer(status, accepted=False, code=code, text="no"), "T")

    assert found == Refused(code, "no")


@pytest.mark.parametrize("status", [201, 202, 301, 307, 400, 403, 404, 408, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        msgspec.json.encode(Reply(accepted=True, order_id="B1")),
        msgspec.json.encode(Reply(accepted=False, code="REJECTED")),
    ],
)
def test_behind_any_other_status_there_may_be_anybody(status: int, body: bytes) -> None:
    assert isinstance(_broker()._outcome(Answer(status, body), "T"), Unknown)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b""),
        Answer(200, b"null"),
        Answer(200, b"[]"),
        Answer(200, b'{"status": "success"}'),
        Answer(200, b'{"accepted": "yes"}'),
        Answer(200, b'{"accepted": true, "order_id": "B1"'),
        Answer(200, b'{"accepted": true, "order_id": "B1"} and more'),
        _answer(200, accepted=True),
        _answer(200, accepted=True, order_id=7),
        _answer(401, accepted=True, order_id="B1"),
        _answer(429, accepted=True, order_id="B1"),
        _answer(200, accepted=False),
        _answer(200, accepted=False, code="DUPLICATE_TAG"),
        _answer(200, accepted=False, code="rejected"),
    ],
)
def test_what_is_not_the_brokers_own_word_proves_nothing(answer: Answer) -> None:
    assert isinstance(_broker()._outcome(answer, "T"), Unknown)


def test_a_broker_without_tags_declares_none() -> None:
    table = stub_capabilities(BrokerKind.NO_TAG, 1_500)

    assert (table.kind, table.tag_length_max, table.late_ms) == (BrokerKind.NO_TAG, 0, 1_500)
