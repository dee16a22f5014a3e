"""A simulator of Motilal Oswal's OpenAPI: REST, order stream and broadcast feed, with their quirks and faults.

Written from the broker's public papers, apart from the adapter that talks to it. ``docs/simulators.md`` says
how to use it, and where the papers are silent.
"""

from phalanx.simulation.motilal.config import (
    Carried,
    Client,
    Holding,
    Login,
    SimulatorConfig,
)
from phalanx.simulation.motilal.faults import Fault, FaultKind
from phalanx.simulation.motilal.simulator import MotilalSimulator

__all__ = [
    "Carried",
    "Client",
    "Fault",
    "FaultKind",
    "Holding",
    "Login",
    "MotilalSimulator",
    "SimulatorConfig",
]
