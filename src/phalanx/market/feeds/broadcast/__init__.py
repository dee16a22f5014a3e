"""Motilal Oswal's broadcast: small binary packets over TCP or a WebSocket, made into quotes."""

from phalanx.market.feeds.broadcast.feed import BroadcastFeed
from phalanx.market.feeds.broadcast.links import dialer

__all__ = ["BroadcastFeed", "dialer"]
