"""How a login reaches the broker: for orders, for questions, for the stream, all from one address."""

import msgspec

from phalanx.brokers.motilal.questions import HttpPost, Post
from phalanx.brokers.motilal.settings import LoginSettings
from phalanx.brokers.motilal.sockets import OpenChannel, opener
from phalanx.brokers.wire import Dialer, parse_address


class Reach(msgspec.Struct, frozen=True):
    """The three ways of one login."""

    dialer: Dialer
    post: Post
    open_channel: OpenChannel


def over_the_network(settings: LoginSettings) -> Reach:
    """The real ones. Raises OSError for a file without certificates."""
    dialer = Dialer(parse_address(settings.rest), settings.source, settings.ca)
    return Reach(dialer, HttpPost(settings, dialer), opener(settings))
