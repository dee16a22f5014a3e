"""Why the desk does not take a command. In all three cases nothing was decided."""


class DeskError(Exception):
    """``code`` is stable."""

    code = "DESK_ERROR"


class Overloaded(DeskError):
    """Too much is waiting to be committed; try again in ``retry_after_s``."""

    code = "OVERLOADED"

    def __init__(self, retry_after_s: int = 1) -> None:
        super().__init__(f"try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Stopped(DeskError):
    """The desk is not open (any more). After a journal failure an answer may be missing: the command
    whose answer this replaces is either not journaled, or found by its idempotency key after a restart.
    """

    code = "DESK_STOPPED"
