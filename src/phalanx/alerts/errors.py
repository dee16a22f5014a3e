"""What can go wrong with channels and with what leaves the house. No text of an error holds a secret."""

from typing import Final

CHANNEL_NOT_ALLOWED: Final = "CHANNEL_NOT_ALLOWED"
"""A service that is not on the list, or an option of one that could reach elsewhere."""
INVALID_CHANNEL: Final = "INVALID_CHANNEL"
"""The address is not one of its service."""
ADDRESS_NOT_ALLOWED: Final = "ADDRESS_NOT_ALLOWED"
"""A host, a port or an IP address that nothing may be sent to."""
UNKNOWN_CHANNEL: Final = "UNKNOWN_CHANNEL"
TOO_MANY_CHANNELS: Final = "TOO_MANY_CHANNELS"


class AlertError(Exception):
    """A refusal. ``code`` is stable, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class SendFailed(Exception):
    """An alert did not get through. ``why`` is a code, an error's class or a status: never an address."""

    def __init__(self, why: str, *, again: bool = True) -> None:
        super().__init__(why)
        self.why = why
        self.again = again
