"""How a command ends: the exit codes, and the error that carries one."""

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phalanx.cli.remote.answers import Answer, Progress


class Exit(IntEnum):
    """The exit codes of every command; they are a contract and never change their meaning."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    PARTIAL = 3
    NOT_ALLOWED = 4
    REFUSED = 5
    UNKNOWN = 6
    UNREACHABLE = 7
    INTERRUPTED = 130


ALL_OR_NOTHING = frozenset({"signal", "order"})
"""Kinds of which every account that is left out was meant to take part."""
AS_MEANT = frozenset(
    {
        *("ALREADY_HELD", "NOT_WANTED", "TWICE_IN_LIST", "BELOW_MIN_VALUE", "RANK_NOT_COVERED"),
        *("NOTHING_TO_EXIT", "ALREADY_EXITING", "ZERO_QUANTITY", "OTHER_MODE"),
    }
)
"""Why a list, a batch or an exit leaves something out that it was never meant to do."""


def exit_of_answer(answer: "Answer") -> Exit:
    """How a command ends that made this instruction, as far as its plan says.

    0 everything asked for was journaled, or waits for its time; 3 some of it was; 5 nothing was.
    """
    if answer.status == "HELD":
        return Exit.OK
    if answer.status == "REJECTED" or not answer.journaled:
        return Exit.REFUSED
    skipped = [outcome for outcome in answer.outcomes if not outcome.accepted]
    if answer.kind not in ALL_OR_NOTHING:
        skipped = [outcome for outcome in skipped if outcome.reason not in AS_MEANT]
    return Exit.PARTIAL if skipped else Exit.OK


def exit_of_progress(planned: Exit, progress: "Progress") -> Exit:
    """How it ends when it was waited for: what became of the orders decides as well.

    6 an order is in doubt; 1 all orders failed; 3 some did.
    """
    if progress.in_doubt:
        return Exit.UNKNOWN
    if not progress.failed:
        return planned
    return Exit.FAILURE if progress.failed == progress.orders_total else Exit.PARTIAL


class Failure(Exception):
    """A command that could not do its work, with what a person and a program need to know.

    ``code`` is stable, ``detail`` a sentence; ``facts`` are further fields of the JSON error
    (``idempotency_key``, ``line``, ``column``, ``request_id``, …).
    """

    def __init__(self, exit_code: Exit, code: str, detail: str, **facts: object) -> None:
        super().__init__(f"{code}: {detail}")
        self.exit_code = exit_code
        self.code = code
        self.detail = detail
        self.facts = facts

    def document(self) -> dict[str, object]:
        """The error as JSON shows it."""
        return {
            "code": self.code,
            "detail": self.detail,
            "exit_code": int(self.exit_code),
            **self.facts,
        }
