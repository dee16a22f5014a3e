"""What lists have in common: pages, totals, and the symbols of instruments."""

from collections.abc import Sequence
from typing import Annotated, Protocol, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from phalanx.api.shapes import ID_MAX
from phalanx.desk.desk import Desk
from phalanx.domain.instruments import InstrumentKey, known_symbol

Item = TypeVar("Item")

LIMIT_MAX = 10_000
Skip: TypeAlias = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Limit: TypeAlias = Annotated[int, Meta(ge=1, le=LIMIT_MAX)]
ViewLimit: TypeAlias = Annotated[int, Meta(ge=1, le=1_000)]
ClientFilter: TypeAlias = Annotated[int, Meta(ge=1, le=ID_MAX)]


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of a list."""

    skip: Skip = 0
    limit: Limit = LIMIT_MAX


class BookQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose, of what, and which page."""

    account: str | None = None
    client: ClientFilter | None = None
    instrument: str | None = None
    skip: Skip = 0
    limit: Limit = LIMIT_MAX


class Paged(Protocol):
    """A query that says which page."""

    @property
    def skip(self) -> int:
        """So many items are passed over."""
        ...

    @property
    def limit(self) -> int:
        """So many items at most."""
        ...


def page(items: Sequence[Item], query: Paged) -> Sequence[Item]:
    """The part of a list that was asked for."""
    return items[query.skip : query.skip + query.limit]


def symbol_of(desk: Desk, key: InstrumentKey) -> str:
    """An instrument's symbol; its key when no master knows it any more."""
    return known_symbol(desk.instruments, desk.state.local_instruments, key)
