"""The parts of the server's answers that commands reckon with; the rest is shown as it comes."""

from typing import Literal

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """What became of one account's share of an instruction."""

    status: Literal["ACCEPTED", "REJECTED"]
    client: str = ""
    account: str = ""
    reason: str | None = None
    order_id: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether something was journaled for this account."""
        return self.status == "ACCEPTED"


class Answer(msgspec.Struct, frozen=True):
    """The answer to a new instruction."""

    instruction_id: str
    outcomes: tuple[Outcome, ...]
    status: str = ""
    reason: str | None = None
    message: str | None = None


class SignalAnswer(msgspec.Struct, frozen=True):
    """The answer of ``POST /create_order``."""

    response: Literal["ACCEPTED", "REJECTED"] = msgspec.field(name="RESPONSE")
    outcomes: tuple[Outcome, ...]
    instruction_id: str = ""
    reason: str | None = None
    message: str | None = None

    @property
    def accepted(self) -> int:
        """For how many accounts."""
        return sum(outcome.accepted for outcome in self.outcomes)


class SubscriptionRow(msgspec.Struct, frozen=True):
    """One account's tie to a strategy."""

    account: str
    client: str = ""
    instruments: tuple[str, ...] = ()
    enabled: bool = True


class StrategyRow(msgspec.Struct, frozen=True):
    """One strategy, its instruments by symbol, and who subscribes."""

    strategy: str
    instruments: tuple[str, ...] = ()
    enabled: bool = True
    subscriptions: tuple[SubscriptionRow, ...] = ()


class AccountRow(msgspec.Struct, frozen=True):
    """One account, as far as its mode."""

    account: str
    mode: str
    enabled: bool = True


class AccountPage(msgspec.Struct, frozen=True):
    """Some of the accounts, and how many there are in all."""

    items: tuple[AccountRow, ...]
    total: int
