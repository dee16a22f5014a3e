"""What a server process needs of a running Phalanx; ``phalanx.bootstrap`` builds it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from phalanx.config import Settings
from phalanx.desk.desk import Desk, Executed
from phalanx.domain.accounts import Account
from phalanx.domain.instructions import Origin
from phalanx.domain.numbers import Money

if TYPE_CHECKING:
    from phalanx.access.access import Access


class System(Protocol):
    """A desk with everything around it."""

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        ...

    @property
    def desk(self) -> Desk:
        """Where commands go."""
        ...

    @property
    def access(self) -> "Access":
        """Users, keys and sealed credentials."""
        ...

    async def start(self) -> None:
        """Recover and open."""
        ...

    async def stop(self) -> None:
        """Finish what is decided, keep a snapshot, let go of the folder. Safe to call twice."""
        ...

    async def wait_failed(self) -> BaseException:
        """Return only when the desk had to stop by itself, with why."""
        ...

    async def import_profiles(
        self,
        profiles: Mapping[str, Mapping[str, Sequence[str]]],
        origin: Origin,
        cash: Money | None = None,
        account: Account | None = None,
    ) -> Executed:
        """Upsert profiles, all or nothing."""
        ...
