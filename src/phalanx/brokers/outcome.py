"""The outcome rule: what became of a request, from what was written and what came back. One place.

| written     | came back                                   | outcome        |
|-------------|---------------------------------------------|----------------|
| nothing     | anything                                    | `NeverWritten` |
| some or all | the broker's own acceptance, with its id    | `Accepted`     |
| some or all | a refusal whose code is declared definite   | `Refused`      |
| some or all | anything else, or nothing                   | `Unknown`      |

Orders have been seen placed seconds after an HTTP 400: a code proves that the broker did not take a
request only where its module declares so, whatever the number in front of the answer says.
"""

import msgspec

from phalanx.brokers.port import Accepted, NeverWritten, Outcome, Refused, Unknown
from phalanx.domain.capabilities import Capabilities


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A complete, well-formed answer of the broker's own.

    ``accepted``: it says that it took the request, as its documentation has it. ``code``: its own word
    for a refusal.
    """

    accepted: bool
    order_id: str = ""
    code: str = ""
    text: str = ""


def outcome_of(reply: Reply, capabilities: Capabilities) -> Outcome:
    """What a complete answer to a written request says."""
    if reply.accepted:
        return Accepted(reply.order_id)
    if reply.code in capabilities.definite_codes:
        return Refused(reply.code, reply.text)
    return Unknown(f"{reply.code} {reply.text}".strip())


def believed(outcome: Outcome, capabilities: Capabilities, *, written: bool) -> Outcome:
    """What the desk makes of a session's word: the same rule, applied to whoever forgot it.

    Bytes that were taken cannot be taken back, and a refusal that nobody declared proves nothing.
    """
    match outcome:
        case NeverWritten(reason) if written:
            return Unknown(f"written, and then: {reason}")
        case Refused(code, text) if code not in capabilities.definite_codes:
            return Unknown(f"{code} {text}".strip())
        case _:
            return outcome
