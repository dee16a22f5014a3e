"""A shorter way than ASGI's messages, where the server offers it: body and answer in one piece each.

ASGI's ``receive`` and two ``send`` are three rounds of messages and two writes to the socket for what
is one small request and one small answer. A server may offer the hot doors the same without them, as
an ASGI extension of the scope; every door works without it.
"""

from collections.abc import Sequence
from typing import Protocol

from phalanx.api.head import Scope

EXTENSION = "phalanx.direct"


class Direct(Protocol):
    """One request at the server."""

    def whole_body(self) -> bytes | None:
        """The body, if all of it is there; None: ask for it with ``receive``. At most once."""
        ...

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Write the whole answer, in one piece; False: nothing was written, ``send`` it.

        Header names are in lower case, and no header holds a line break: nobody looks again.
        """
        ...


def direct_of(scope: Scope) -> Direct | None:
    """The short way of that request, if there is one."""
    extensions = scope.get("extensions")
    if not extensions or EXTENSION not in extensions:
        return None
    direct: Direct = extensions[EXTENSION]["request"]
    return direct
