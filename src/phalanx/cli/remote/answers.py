"""The parts of the server's answers that commands reckon with; the rest is shown as it comes."""

from typing import Literal

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """What became of one account's share of an instruction, or of one order, cancel or skip of it.

    Accepted without a ``quantity``: the cancel of ``order_id``.
    """

    status: Literal["ACCEPTED", "REJECTED"]
    client: str = ""
    account: str = ""
    reason: str | None = None
    message: str | None = None
    order_id: str | None = None
    symbol: str | None = None
    quantity: str | None = None
    price: str | None = None
    side: str | None = None
    charges: str | None = None
    cash_after: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether something was journaled for this account."""
        return self.status == "ACCEPTED"


class Counts(msgspec.Struct, frozen=True):
    """How much an instruction planned, the outcomes that are not listed included."""

    orders: int = 0
    cancels: int = 0
    skips: int = 0


class PlannedAccount(msgspec.Struct, frozen=True):
    """What a preview comes to for one account, the outcomes that are not listed included."""

    account: str
    client: str = ""
    orders: int = 0
    cancels: int = 0
    skips: int = 0
    value: str = "0"
    charges: str = "0"
    cash_after: str | None = None


class SkipReason(msgspec.Struct, frozen=True):
    """How often something is left out for a reason, and one of its sentences."""

    reason: str
    message: str | None = None
    skips: int = 0


class Totals(msgspec.Struct, frozen=True):
    """What a preview comes to in all."""

    accounts: int = 0
    orders: int = 0
    cancels: int = 0
    skips: int = 0
    value: str = "0"
    charges: str = "0"
    reasons: tuple[SkipReason, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """The answer to a new instruction, or to the preview of one (``token``, no ``instruction_id``), which
    has ``accounts`` and ``totals``.
    """

    outcomes: tuple[Outcome, ...]
    instruction_id: str | None = None
    kind: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None
    instrument: str | None = None
    fire_at: str | None = None
    counts: Counts | None = None
    outcomes_total: int | None = None
    token: str | None = None
    expires_at: str | None = None
    accounts: tuple[PlannedAccount, ...] | None = None
    totals: Totals | None = None
    waits_for: str | None = None
    approve_by: str | None = None
    undo_until: str | None = None
    needs_approval: str | None = None

    @property
    def accepted(self) -> int:
        """How many of the listed outcomes are accepted."""
        return sum(outcome.accepted for outcome in self.outcomes)

    @property
    def journaled(self) -> int:
        """How many orders and cancels there are in all."""
        return self.accepted if self.counts is None else self.counts.orders + self.counts.cancels

    @property
    def unlisted(self) -> int:
        """How many outcomes the server did not list."""
        return max(0, (self.outcomes_total or 0) - len(self.outcomes))


class Decided(msgspec.Struct, frozen=True):
    """The answer to an approval, with the plan that came of it, or to a refusal of one."""

    instruction_id: str
    decision: Literal["approved", "declined"]
    status: str = ""
    reason: str | None = None
    message: str | None = None
    planned: Answer | None = None


class Progress(msgspec.Struct, frozen=True):
    """How far an instruction is: its orders by how they ended, and those in doubt now."""

    instruction_id: str
    status: str = ""
    orders_total: int = 0
    orders_open: int = 0
    filled: int = 0
    canceled: int = 0
    rejected: int = 0
    expired: int = 0
    not_received: int = 0
    in_doubt: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status not in {"HELD", "WORKING"}

    @property
    def failed(self) -> int:
        """Orders that ended otherwise than they were meant to."""
        return self.rejected + self.expired + self.not_received


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
