"""Motilal Oswal's OpenAPI, in both its modes: investors' logins, and dealers' that act for many clients.

``endpoints`` and ``codes`` are the broker's tables, ``row`` and ``envelope`` read what it says, ``rows``,
``reports`` and ``books`` make our words of it, ``orders`` makes theirs of ours; ``login``, ``session``,
``stream`` and ``line`` are one login's, ``last_prices`` asks them all, ``broker`` is the port.
"""

from phalanx.brokers.motilal.broker import MotilalBroker
from phalanx.brokers.motilal.credentials import Credentials, read_credentials
from phalanx.brokers.motilal.ports import Ports
from phalanx.brokers.motilal.settings import LoginSettings, Route
from phalanx.brokers.motilal.terms import NAME, motilal_capabilities

__all__ = [
    "NAME",
    "Credentials",
    "LoginSettings",
    "MotilalBroker",
    "Ports",
    "Route",
    "motilal_capabilities",
    "read_credentials",
]
