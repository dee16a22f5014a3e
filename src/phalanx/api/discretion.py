"""What accounts have, kept from those within whose reach there is no whole account.

Cash has no strategy and no instrument: whoever is fenced by these is not told how much of it there is, neither
by a preview nor by the sentence of a skip. The code of the reason stays, and so does what it is about.
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from phalanx.api.reach import Reach
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.numbers import Money
from phalanx.domain.reasons import Facts, Reason, ReasonCode

_FACTS: Final[Mapping[ReasonCode, Facts]] = {
    ReasonCode.INSUFFICIENT_CASH: ("more", "less"),
    ReasonCode.RANK_NOT_COVERED: ("more", "it", "less"),
    ReasonCode.ZERO_QUANTITY: ("the amount", "the lot", "this price"),
    ReasonCode.BELOW_MIN_VALUE: ("the value", "that may be"),
}
"""Of the reasons whose facts are an account's cash, or a part of it: what their sentences say instead."""
_SENTENCES: Final = {code.value: str(Reason(code, facts)) for code, facts in _FACTS.items()}


def discreet_plan(planned: InstructionPlanned, reach: Reach) -> InstructionPlanned:
    """The plan, with reasons that name no cash that is out of reach."""
    if reach.is_by_account:
        return planned
    skips = tuple(replace(one, reason=_discreet(one.reason)) for one in planned.skips)
    refusal = None if planned.refusal is None else _discreet(planned.refusal)
    return replace(planned, skips=skips, refusal=refusal)


def discreet_cash(cash: Mapping[AccountId, Money], reach: Reach) -> dict[AccountId, Money]:
    """The cash of those accounts that are within reach as a whole."""
    return {account: one for account, one in cash.items() if reach.has_whole_account(account)}


def discreet_message(code: str | None, message: str | None, reach: Reach) -> str | None:
    """The sentence of a reason that was kept as text."""
    if reach.is_by_account or message is None or code is None:
        return message
    return _SENTENCES.get(code, message)


def _discreet(reason: Reason) -> Reason:
    facts = _FACTS.get(reason.code)
    return reason if facts is None else Reason(reason.code, facts)
