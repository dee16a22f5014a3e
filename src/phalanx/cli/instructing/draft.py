"""An instruction before it is sent: through which door, and how it is previewed and pinned."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phalanx.cli.remote.client import Server

INSTRUCTIONS = "/api/v1/instructions"
BASKETS = "/api/v1/baskets"


@dataclass(frozen=True)
class Draft:
    """A JSON ``body``, or a CSV ``content`` with its terms in the query."""

    path: str = INSTRUCTIONS
    body: dict[str, object] = field(default_factory=dict)
    content: bytes | None = None
    parameters: dict[str, str | int] = field(default_factory=dict)

    @property
    def fire_at(self) -> str | None:
        """When it is to be planned and fired, if that is not now."""
        moment = self.body.get("fire_at")
        return None if moment is None else str(moment)

    @property
    def content_type(self) -> str:
        """Of what is sent."""
        return "application/json" if self.content is None else "text/csv"

    def pinned(self, token: str, on_moved: str) -> "Draft":
        """The same, to be fired as that preview showed it."""
        if self.content is None:
            return replace(self, body={**self.body, "preview": token, "on_moved": on_moved})
        pin: dict[str, str | int] = {"preview": token, "on_moved": on_moved}
        return replace(self, parameters={**self.parameters, **pin})

    def preview(self, there: "Server") -> bytes:
        """The plan as it would be now, whenever it is to fire; nothing is journaled. Raises Failure."""
        return there.ask(
            f"{self.path}/preview",
            parameters=self.parameters,
            body={name: value for name, value in self.body.items() if name != "fire_at"},
            content=self.content,
            content_type=self.content_type,
        )

    def send(
        self, there: "Server", key: str | None, sent: Callable[[int], None] | None = None
    ) -> bytes:
        """Send it, once. Raises Failure."""
        return there.change(
            "POST",
            self.path,
            key=key,
            parameters=self.parameters,
            body=self.body,
            content=self.content,
            content_type=self.content_type,
            sent=sent,
        )
