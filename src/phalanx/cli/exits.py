"""How a command ends: the exit codes, and the error that carries one."""

from enum import IntEnum


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
