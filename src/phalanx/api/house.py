"""What all doors of one application share."""

import asyncio
from functools import cached_property
from itertools import count
from secrets import token_hex

from phalanx.api.bodies import Deadlines
from phalanx.api.edges.wiring import Edges
from phalanx.api.facts import Facts, NoFacts, SystemFacts
from phalanx.api.guard import Guard
from phalanx.api.hooks.memory import HookMemory
from phalanx.api.identity.waiting_room import WaitingRoom
from phalanx.api.problems import Problem
from phalanx.api.system import System
from phalanx.api.tickets import Tickets

LOGINS_AT_ONCE, LOGINS_WAITING_MAX = 1, 16
REFRESHES_AT_ONCE, REFRESHES_WAITING_MAX = 1, 128
KEPT_FOR_THIS_MACHINE = 8
"""Places to log in and to stay logged in that no flood from elsewhere takes."""


class RequestIds:
    """Names for requests whose caller gave none: short, and not the same in two processes."""

    def __init__(self) -> None:
        self._prefix = token_hex(4)
        self._numbers = count(1)

    def next(self) -> str:
        """Another one."""
        return f"{self._prefix}-{next(self._numbers):x}"


class House:
    """What all doors of one application share: the system once there is one, its guard and edges, request
    ids, tickets, deadlines. ``importing``: masters come into force one after another. ``facts``: the record
    of who came and went; ``logins`` and ``refreshes`` bound what strangers may ask of threads.
    """

    def __init__(self, system: System | None = None) -> None:
        self.system: System | None = None
        self.guard = Guard(None)
        """Whom every door asks; until there is a system, one that serves this machine only."""
        self.edges = Edges()
        self.facts: Facts = NoFacts()
        if system is not None:
            self.take(system)
        self.tickets = Tickets()
        self.request_ids = RequestIds()
        self.deadlines = Deadlines()
        self.importing = asyncio.Lock()
        self.logins = WaitingRoom(LOGINS_AT_ONCE, LOGINS_WAITING_MAX, KEPT_FOR_THIS_MACHINE)
        self.refreshes = WaitingRoom(
            REFRESHES_AT_ONCE, REFRESHES_WAITING_MAX, KEPT_FOR_THIS_MACHINE
        )

    def take(self, system: System) -> None:
        """These are the doors of this system from now on."""
        self.system = system
        settings = system.settings
        directory = None if settings.open_localhost else system.access.directory
        self.edges = Edges(settings)
        self.guard = Guard(directory, settings.open_doors, self.edges.origins)
        self.facts = SystemFacts(system)

    @cached_property
    def hooks(self) -> HookMemory:
        """What is remembered of the sources of webhooks. Raises Problem DESK_STOPPED."""
        return HookMemory(self.open_system().desk.clock)

    def open_system(self) -> System:
        """The system. Raises Problem DESK_STOPPED while there is none."""
        if self.system is None:
            raise Problem("DESK_STOPPED", "the server is starting")
        return self.system
