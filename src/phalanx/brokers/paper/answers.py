"""What paper owes an answer: given after its delay, lost on purpose, or cut off with its session."""

from collections.abc import Callable
from functools import partial

from phalanx.brokers.paper.agenda import Agenda
from phalanx.brokers.paper.sessions import DROPPED
from phalanx.brokers.port import Outcome, Ticket, Unknown
from phalanx.domain.accounts import AccountId
from phalanx.domain.reasons import Reason
from phalanx.domain.time import SECOND, Nanoseconds

ANSWER_TIMEOUT_NS: Nanoseconds = 5 * SECOND
"""An answer that was lost is not waited for any longer."""


class _Nobody:
    """Hears the answer of a request whose ticket was told already, or whose answer is lost."""

    def admit(self) -> Reason | None:
        return None

    def written(self) -> None: ...

    def done(self, outcome: Outcome) -> None: ...


_NOBODY = _Nobody()


class Answers:
    """The tickets of written requests, each done exactly once; what is asked for happens all the same."""

    __slots__ = ("_agenda", "_number", "_tickets")

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._tickets: dict[int, tuple[AccountId, Ticket]] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._tickets)

    def owe(
        self,
        account: AccountId,
        ticket: Ticket,
        delay_ns: Nanoseconds,
        answer: Callable[[Ticket], None],
        *,
        lost: bool = False,
    ) -> None:
        """Have ``answer`` called with the ticket after the delay. ``lost``: the answer never comes, and
        after the timeout the ticket hears Unknown.
        """
        self._number = number = self._number + 1
        self._tickets[number] = (account, ticket)
        if lost:
            self._agenda.add(delay_ns, partial(answer, _NOBODY))
            timeout_ns = max(delay_ns, ANSWER_TIMEOUT_NS)
            self._agenda.add(timeout_ns, partial(self._give_up, number))
        else:
            self._agenda.add(delay_ns, partial(self._answer, number, answer))

    def cut(self, account: AccountId) -> None:
        """The account's session is gone, and with it every answer that is under way to it."""
        cut = [number for number, (whose, _) in self._tickets.items() if whose == account]
        for number in cut:
            self._tickets.pop(number)[1].done(Unknown(f"{DROPPED} before the answer"))

    def close(self) -> None:
        """No answer comes any more."""
        unanswered, self._tickets = list(self._tickets.values()), {}
        for _, ticket in unanswered:
            ticket.done(Unknown("closed before the answer"))

    def _answer(self, number: int, answer: Callable[[Ticket], None]) -> None:
        answer(self._tickets.pop(number, ("", _NOBODY))[1])

    def _give_up(self, number: int) -> None:
        _, ticket = self._tickets.pop(number, ("", _NOBODY))
        ticket.done(Unknown(f"no answer within {ANSWER_TIMEOUT_NS // SECOND} s"))
