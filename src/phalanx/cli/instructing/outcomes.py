"""What an instruction comes to, for a person: one row per account with its sums, then the reasons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from phalanx.cli.display.columns import ACCOUNT_SUMS, OUTCOMES, SKIP_REASONS
from phalanx.cli.display.screen import Column, grouped, plain
from phalanx.cli.remote.answers import Answer, Outcome

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen

Row = dict[str, object]


class AccountSum(msgspec.Struct):
    """What the outcomes of one account add up to. ``cash_after`` is that of the last one."""

    client: str
    account: str
    orders: int = 0
    cancels: int = 0
    value: Decimal = Decimal(0)
    charges: Decimal | None = None
    cash_after: str | None = None
    reasons: Counter[str] = msgspec.field(default_factory=Counter)

    def take(self, outcome: Outcome) -> None:
        """Add one of the account's outcomes."""
        if not outcome.accepted:
            self.reasons[outcome.reason or "?"] += 1
        elif outcome.quantity is None:
            self.cancels += 1
        else:
            self.orders += 1
            self.value += Decimal(outcome.quantity) * Decimal(outcome.price or 0)
        if outcome.charges is not None:
            self.charges = (self.charges or Decimal(0)) + Decimal(outcome.charges)
        if outcome.cash_after is not None:
            self.cash_after = outcome.cash_after

    def row(self) -> Row:
        """The row of a table."""
        skipped = [f"{count} {reason}" for reason, count in self.reasons.most_common()]
        return {
            "client": self.client,
            "account": self.account,
            "orders": self.orders,
            "cancels": self.cancels or None,
            "value": plain(self.value),
            "charges": None if self.charges is None else plain(self.charges),
            "cash_after": self.cash_after,
            "skipped": skipped,
        }


def sums(outcomes: Sequence[Outcome]) -> list[AccountSum]:
    """One per account, in the order in which they first appear: that of the plan."""
    found: dict[str, AccountSum] = {}
    for outcome in outcomes:
        one = found.get(outcome.account)
        if one is None:
            one = found[outcome.account] = AccountSum(outcome.client, outcome.account)
        one.take(outcome)
    return list(found.values())


def show_outcomes(
    screen: "Screen", answer: Answer, rows: Sequence[Row], *, detail: bool = False
) -> None:
    """A row per account with a line of totals; a row per outcome where there is one for each."""
    accounts = sums(answer.outcomes)
    if not accounts:
        return
    if detail or len(accounts) == len(answer.outcomes):
        screen.table(filled(OUTCOMES, rows), rows, empty="")
    else:
        shown = [one.row() for one in accounts]
        if len(shown) > 1:
            shown.append(total(accounts))
        screen.table(filled(ACCOUNT_SUMS, shown), shown, empty="")
        _show_reasons(screen, answer.outcomes)
    if answer.unlisted:
        listed = len(answer.outcomes)
        screen.note(f"{listed} of {answer.outcomes_total} outcomes are listed and added up here")


def total(accounts: Sequence[AccountSum]) -> Row:
    """The line under the accounts."""
    charges = [one.charges for one in accounts if one.charges is not None]
    cancels = sum(one.cancels for one in accounts)
    skipped = sum(one.reasons.total() for one in accounts)
    return {
        "client": "total",
        "account": f"{len(accounts)} accounts",
        "orders": sum(one.orders for one in accounts),
        "cancels": cancels or None,
        "value": plain(sum((one.value for one in accounts), Decimal(0))),
        "charges": plain(sum(charges, Decimal(0))) if charges else None,
        "skipped": [str(skipped)] if skipped else None,
    }


def headline(answer: Answer) -> str:
    """How much an instruction is, in a line: ``priority_buy: 96 orders for 20 accounts, 4 skipped``."""
    accounts = sums(answer.outcomes)
    counts = answer.counts
    orders = sum(one.orders for one in accounts) if counts is None else counts.orders
    cancels = sum(one.cancels for one in accounts) if counts is None else counts.cancels
    skips = sum(one.reasons.total() for one in accounts) if counts is None else counts.skips
    words = [f"{answer.accepted} of {len(answer.outcomes)} accepted" if accounts else "nothing"]
    if accounts and (len(accounts) != len(answer.outcomes) or answer.unlisted):
        acting = sum(bool(one.orders or one.cancels) for one in accounts)
        words = [f"{orders:,} orders for {acting:,}{'+' if answer.unlisted else ''} accounts"]
    if cancels:
        words.append(f"{cancels:,} cancels")
    if skips:
        words.append(f"{skips:,} skipped")
    value = sum((one.value for one in accounts), Decimal(0))
    if value:
        words.append(f"value {grouped(plain(value))}")
    if answer.fire_at:
        words.append(f"fires at {answer.fire_at}")
    head = " ".join(word for word in (answer.kind, answer.instrument) if word)
    return f"{head}: {', '.join(words)}" if head else ", ".join(words)


def sum_of_skips(answer: Answer) -> str:
    """``: 3 ALREADY_HELD, 1 KILL_ALL``, or nothing."""
    reasons = Counter(one.reason or "?" for one in answer.outcomes if not one.accepted)
    said = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f": {said}" if said else ""


def filled(columns: Sequence[Column], rows: Sequence[Mapping[str, object]]) -> list[Column]:
    """The columns that have anything in them."""
    return [one for one in columns if any(row.get(one.field) not in (None, "", []) for row in rows)]


def _show_reasons(screen: "Screen", outcomes: Sequence[Outcome]) -> None:
    """Each reason once, with how often it comes and one of its sentences."""
    counts: Counter[str] = Counter()
    sentences: dict[str, str | None] = {}
    for outcome in outcomes:
        if not outcome.accepted:
            reason = outcome.reason or "?"
            counts[reason] += 1
            sentences.setdefault(reason, outcome.message)
    rows = [
        {"skipped": count, "reason": reason, "message": sentences[reason]}
        for reason, count in counts.most_common()
    ]
    if rows:
        screen.say()
        screen.table(SKIP_REASONS, rows, empty="")
