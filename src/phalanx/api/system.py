"""What the doors need of a running Phalanx; ``phalanx.bootstrap`` builds it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from phalanx.alerts.alerts import Alerts
from phalanx.config import Settings
from phalanx.desk.auditing import Auditing
from phalanx.desk.desk import Desk, Executed
from phalanx.domain.accounts import Account
from phalanx.domain.instructions import Origin
from phalanx.domain.numbers import Money
from phalanx.market.daily import MasterSource
from phalanx.market.feeds.port import FeedState
from phalanx.market.finding.finder import Finder
from phalanx.market.flaws import Flaws
from phalanx.market.master import MasterDiff
from phalanx.market.quotes import QuoteBoard
from phalanx.market.store import InstrumentStore
from phalanx.views.feed import ViewsFeed
from phalanx.views.queries import Views

if TYPE_CHECKING:
    from phalanx.access.access import Access


class Masters(Protocol):
    """How a daily master comes into force."""

    async def load(
        self,
        content: bytes,
        name: str,
        source: MasterSource,
        origin: Origin,
        *,
        accept_fewer: bool = False,
    ) -> tuple[MasterDiff, Flaws]:
        """Replace what is known of the file's exchanges. Raises ImportFault."""
        ...

    async def compare(self, content: bytes, source: MasterSource) -> tuple[MasterDiff, Flaws]:
        """What that would change. Raises ImportFault."""
        ...


class System(Protocol):
    """A desk with everything around it that a door may ask for."""

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        ...

    @property
    def desk(self) -> Desk:
        """Where commands go, and the state that answers are read from."""
        ...

    @property
    def access(self) -> "Access":
        """Users, keys and sealed credentials; opened when it is first asked for."""
        ...

    @property
    def auditing(self) -> Auditing:
        """Where facts go of what people do, and are refused, that is no command."""
        ...

    @property
    def alerts(self) -> Alerts:
        """Who is told what."""
        ...

    @property
    def views(self) -> Views:
        """The read side: lists, trees, the order log."""
        ...

    @property
    def feed(self) -> ViewsFeed:
        """What keeps the views up to date, and says how far they are."""
        ...

    @property
    def quotes(self) -> QuoteBoard:
        """Where prices come from, and their day."""
        ...

    @property
    def feed_state(self) -> FeedState:
        """How what moves the quotes is."""
        ...

    @property
    def instruments_store(self) -> InstrumentStore:
        """Every instrument master that was ever in force."""
        ...

    async def start(self) -> None:
        """Recover, import, open the doors."""
        ...

    async def stop(self) -> None:
        """Finish what is decided and close."""
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

    @property
    def finder(self) -> Finder:
        """Where instruments are searched."""
        ...

    @property
    def masters(self) -> Masters:
        """Where masters come from."""
        ...

    async def import_instruments(self, content: bytes, name: str, origin: Origin) -> MasterDiff:
        """Upsert a file onto the instrument master. Raises ImportFault."""
        ...
