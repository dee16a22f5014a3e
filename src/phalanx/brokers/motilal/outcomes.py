"""What an answer to an order says: taken, refused by proof, or nothing that could be trusted."""

from http import HTTPStatus

import msgspec

from phalanx.brokers.motilal.codes import SESSION_OVER
from phalanx.brokers.motilal.envelope import read_envelope
from phalanx.brokers.motilal.row import BadData
from phalanx.brokers.outcome import Reply, outcome_of
from phalanx.brokers.port import Outcome, Unknown
from phalanx.brokers.wire import Answer
from phalanx.domain.capabilities import Capabilities

_UNAUTHORIZED: frozenset[int] = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_ANSWERING: frozenset[int] = _UNAUTHORIZED | {HTTPStatus.OK}
"""The statuses with which the broker itself speaks; behind any other there may be anybody."""


class Judged(msgspec.Struct, frozen=True, gc=False):
    """``code``: the broker's own, where it gave one. ``is_session_over``: nothing works before a login."""

    outcome: Outcome
    code: str = ""
    is_session_over: bool = False


def judge(answer: Answer, capabilities: Capabilities, order_id: str = "") -> Judged:
    """An answer to a request about this order; a new order's id is in its answer.

    SUCCESS means that the broker's gateway took the request; whether the exchange does comes as a report.
    """
    is_over = answer.status in _UNAUTHORIZED
    said = f"HTTP {answer.status}"
    if answer.status not in _ANSWERING:
        return Judged(Unknown(said))
    try:
        envelope = read_envelope(answer.body)
        if envelope.succeeded and not order_id:
            order_id = envelope.fields.name("uniqueorderid")
    except BadData as bad:
        return Judged(Unknown(f"{said}, {bad}"), is_session_over=is_over)
    if envelope.succeeded and answer.status != HTTPStatus.OK:
        return Judged(Unknown(f"{said} with an acceptance"), is_session_over=is_over)
    reply = Reply(envelope.succeeded, order_id, envelope.code, envelope.message)
    is_over = is_over or envelope.code in SESSION_OVER
    return Judged(outcome_of(reply, capabilities), envelope.code, is_over)
