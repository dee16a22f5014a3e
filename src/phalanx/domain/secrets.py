"""A secret in memory: a text that is used on purpose and never shown by accident."""

from hmac import compare_digest
from typing import Final, NoReturn

SHOWN: Final = "***"
"""What every way of showing a secret shows, whatever its length."""


class Secret:
    """A text that ``repr``, ``str``, ``format``, logs and encoders do not show; ``reveal`` gives it.

    Two are compared in constant time. It has no hash, so it is no key of a dict; it is not pickled and
    not copied. JSON encoders do not know it: they refuse it, or show ``***`` where a hook says ``str``.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({SHOWN})"

    def __str__(self) -> str:
        return SHOWN

    def __format__(self, spec: str) -> str:
        return format(SHOWN, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(_bytes(self._value), _bytes(other._value))

    __hash__ = None  # type: ignore[assignment]

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


def _bytes(text: str) -> bytes:
    """Any text has bytes, also one with half a surrogate pair: an error would show it."""
    return text.encode("utf-8", "surrogatepass")
