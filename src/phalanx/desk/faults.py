"""Faults of ours: said where somebody reads it, and each with what it is to stop, which is mostly little."""

import asyncio
from collections.abc import Callable

from phalanx.desk.telemetry import Telemetry
from phalanx.domain.accounts import AccountId
from phalanx.domain.orders import ClOrdId
from phalanx.engine import commands as c
from phalanx.engine.state import State


class Faults:
    """What becomes of commands that nobody waits for and that could not be decided.

    ``distrust`` closes an account, with why, until its book has been read. ``die`` stops the desk.
    """

    def __init__(
        self,
        state: State,
        telemetry: Telemetry,
        distrust: Callable[[AccountId, str], None],
        die: Callable[[BaseException], None],
    ) -> None:
        self._state = state
        self._telemetry = telemetry
        self._distrust = distrust
        self._die = die

    def say(self, where: str, failure: Exception) -> None:
        """Say that something of ours is broken, where whoever runs the loop reads it."""
        self._telemetry.faults.labels(where).inc()
        context = {"message": f"the desk goes on after a fault ({where})", "exception": failure}
        asyncio.get_running_loop().call_exception_handler(context)

    def is_over(self, where: str) -> None:
        """Say that what lasted for a while is broken no more."""
        context = {"message": f"the desk is over a fault ({where})"}
        asyncio.get_running_loop().call_exception_handler(context)

    def turned_away(self, command: c.Command, failure: Exception) -> c.Command | None:
        """A command of nobody's could not be decided; nothing of it was applied.

        When a broker said it, the desk no longer knows what that broker does: the account takes
        nothing new until its book has been read. A turn of our own that cannot be
        decided would leave orders waiting for ever: then it is better to start again. Returns what is
        to be decided in its stead: what was held for a time that has come ends.
        """
        self.say("command", failure)
        match command:
            case c.BookReport(report=about):
                self._close(about.cl_ord_id, command, failure)
            case c.BookUnknown() | c.BookNeverWritten():
                self._close(command.cl_ord_id, command, failure)
            case (
                c.Dispatch()
                | c.DispatchRequest()
                | c.ExpireUnsent()
                | c.ReleaseOrders()
                | c.BeginTerm()
            ):
                self._die(failure)
            case c.Release(failed=""):
                return c.Release(command.instruction_id, str(failure) or repr(failure))
            case _:
                pass
        return None

    def _close(self, cl_ord_id: ClOrdId, command: c.Command, failure: Exception) -> None:
        order = self._state.orders.get(cl_ord_id)
        if order is not None:
            what = f"{type(command).__name__} of {cl_ord_id}"
            account = self._state.book_of(order).account
            self._distrust(account, f"{what} could not be booked: {failure!r}")
