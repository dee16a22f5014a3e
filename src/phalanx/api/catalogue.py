"""All doors, in the order in which the document shows them."""

from phalanx.api import (
    accounts,
    clients,
    health,
    hot,
    instructions,
    instruments,
    kill,
    orders,
    positions,
    profiles,
    subscriptions,
)
from phalanx.api.exchange import Door

DOORS: tuple[Door, ...] = (
    *hot.doors,
    *instructions.doors,
    *orders.doors,
    *positions.doors,
    *clients.doors,
    *accounts.doors,
    *kill.doors,
    *profiles.doors,
    *subscriptions.doors,
    *instruments.doors,
    *health.doors,
)
