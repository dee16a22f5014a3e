"""What an instruction comes to, for a person: one row per account with its sums, then the reasons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from phalanx.cli.display.columns import ACCOUNT_SUMS, OUTCOMES, SKIP_REASONS
from phalanx.cli.display.screen import Column, grouped, plain
from phalanx.cli.remote.answers import Answer, Outcome, SkipReason, Totals

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen

Row = dict[str, object]


class AccountSum(msgspec.Struct):
    """What one account comes to. ``reasons``: of its skips, as far as their outcomes are listed."""

    client: str
    account: str
    orders: int = 0
    cancels: int = 0
    skips: int = 0
    value: Decimal = Decimal(0)
    charges: Decimal | None = None
    cash_after: str | None = None
    reasons: Counter[str] = msgspec.field(default_factory=Counter)

    def take(self, outcome: Outcome) -> None:
        """Add one of the account's outcomes; ``cash_after`` is that of the last one."""
        if not outcome.accepted:
            self.skips += 1
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
        if self.reasons.total() != self.skips:
            skipped = [str(self.skips)]
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


def sums(answer: Answer) -> list[AccountSum]:
    """One per account, in the order of the plan: a preview's as the server added them up, others as far
    as their outcomes are listed.
    """
    found: dict[str, AccountSum] = {}
    for outcome in answer.outcomes:
        one = found.get(outcome.account)
        if one is None:
            one = found[outcome.account] = AccountSum(outcome.client, outcome.account)
        one.take(outcome)
    if answer.accounts is None:
        return list(found.values())
    return [
        AccountSum(
            *(one.client, one.account, one.orders, one.cancels, one.skips, Decimal(one.value)),
            Decimal(one.charges) if one.orders else None,
            one.cash_after,
            found[one.account].reasons if one.account in found else Counter(),
        )
        for one in answer.accounts
    ]


def show_outcomes(
    screen: "Screen", answer: Answer, rows: Sequence[Row], *, detail: bool = False
) -> None:
    """A row per account with a line of totals; a row per outcome where there is one for each."""
    accounts = sums(answer)
    if not accounts:
        return
    in_detail = detail or len(accounts) == len(answer.outcomes) == (
        answer.outcomes_total or len(rows)
    )
    if in_detail:
        screen.table(filled(OUTCOMES, rows), rows, empty="")
    else:
        shown = [one.row() for one in accounts]
        if len(shown) > 1:
            shown.append(total(accounts) if answer.totals is None else _in_all(answer.totals))
        screen.table(filled(ACCOUNT_SUMS, shown), shown, empty="")
        _show_reasons(screen, reasons(answer))
    if answer.unlisted and (in_detail or answer.accounts is None):
        listed = len(answer.outcomes)
        done = "listed" if in_detail else "listed and added up"
        screen.note(f"{listed} of {answer.outcomes_total} outcomes are {done} here")


def reasons(answer: Answer) -> Sequence[SkipReason]:
    """Each reason of a skip once, the most frequent first, with one of its sentences."""
    if answer.totals is not None:
        return answer.totals.reasons
    counts: Counter[str] = Counter()
    sentences: dict[str, str | None] = {}
    for outcome in answer.outcomes:
        if not outcome.accepted:
            reason = outcome.reason or "?"
            counts[reason] += 1
            sentences.setdefault(reason, outcome.message)
    return [SkipReason(reason, sentences[reason], count) for reason, count in counts.most_common()]


def _in_all(totals: Totals) -> Row:
    return {
        "client": "total",
        "account": f"{totals.accounts} accounts",
        "orders": totals.orders,
        "cancels": totals.cancels or None,
        "value": plain(Decimal(totals.value)),
        "charges": plain(Decimal(totals.charges)) if totals.orders else None,
        "skipped": [str(totals.skips)] if totals.skips else None,
    }


def total(accounts: Sequence[AccountSum]) -> Row:
    """The line under accounts that were added up here."""
    charges = [one.charges for one in accounts if one.charges is not None]
    cancels = sum(one.cancels for one in accounts)
    skipped = sum(one.skips for one in accounts)
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
    accounts = sums(answer)
    counts = answer.counts
    orders = sum(one.orders for one in accounts) if counts is None else counts.orders
    cancels = sum(one.cancels for one in accounts) if counts is None else counts.cancels
    skips = sum(one.skips for one in accounts) if counts is None else counts.skips
    words = [f"{answer.accepted} of {len(answer.outcomes)} accepted" if accounts else "nothing"]
    if accounts and (len(accounts) != len(answer.outcomes) or answer.unlisted):
        acting = sum(bool(one.orders or one.cancels) for one in accounts)
        more = "+" if answer.unlisted and answer.accounts is None else ""
        words = [f"{orders:,} orders for {acting:,}{more} accounts"]
    if cancels:
        words.append(f"{cancels:,} cancels")
    if skips:
        words.append(f"{skips:,} skipped")
    value = sum((one.value for one in accounts), Decimal(0))
    if value:
        words.append(f"value {grouped(plain(value))}")
    head = " ".join(word for word in (answer.kind, answer.instrument) if word)
    return f"{head}: {', '.join(words)}" if head else ", ".join(words)


def sum_of_skips(answer: Answer) -> str:
    """``: 3 ALREADY_HELD, 1 KILL_ALL``, or nothing."""
    said = ", ".join(f"{one.skips} {one.reason}" for one in reasons(answer))
    return f": {said}" if said else ""


def filled(columns: Sequence[Column], rows: Sequence[Mapping[str, object]]) -> list[Column]:
    """The columns that have anything in them."""
    return [one for one in columns if any(row.get(one.field) not in (None, "", []) for row in rows)]


def _show_reasons(screen: "Screen", found: Sequence[SkipReason]) -> None:
    rows = [
        {"skipped": one.skips, "reason": one.reason, "message": one.message or None}
        for one in found
    ]
    if rows:
        screen.say()
        screen.table(SKIP_REASONS, rows, empty="")
