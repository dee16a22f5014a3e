"""A shorter way than ASGI's messages, where the server offers it: body and answer in one piece each.

ASGI's ``receive`` and two ``send`` are three rounds of messages and two writes to the socket for what
is one small request and one small answer. A server may offer the hot doors the same without them, as
an ASGI extension of the scope; every door works without it. An application may take requests from
such a server before there is a task for them (`Takes`).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from phalanx.api.bodies import Receive, Send
from phalanx.api.head import Scope

Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Begin: TypeAlias = Callable[[Application], None]
"""Has an ASGI application serve one request, in a task of its own; once."""

EXTENSION = "phalanx.direct"


class Direct(Protocol):
    """One request at the server."""

    def whole_body(self) -> bytes | None:
        """The body, if all of it is there; None: ask for it with ``receive``. Never do both."""
        ...

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Write the whole answer, in one piece; False: nothing was written, ``send`` it.

        Header names are in lower case, and no header holds a line break: nobody looks again.
        """
        ...


@runtime_checkable
class Takes(Protocol):
    """An application that may take a request as soon as its head is there."""

    def take(self, scope: Scope, direct: Direct, begin: Begin) -> bool:
        """Whether it is taken: it will be answered through ``direct``, or by what ``begin`` is given
        later. False: serve it as always.
        """
        ...


def direct_of(scope: Scope) -> Direct | None:
    """The short way of that request, if there is one."""
    extensions = scope.get("extensions")
    if not extensions or EXTENSION not in extensions:
        return None
    direct: Direct = extensions[EXTENSION]["request"]
    return direct
