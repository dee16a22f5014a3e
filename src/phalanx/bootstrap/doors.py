"""The doors of a system, as a server needs them."""

from typing import TYPE_CHECKING

from phalanx.bootstrap.system import System

if TYPE_CHECKING:
    from phalanx.api.front import Front
    from phalanx.api.protocol import DirectProtocol


def application(system: object) -> "Front":
    """The HTTP and WebSocket doors of a system of ``build``, which the caller starts and stops."""
    from phalanx.api import create_app

    assert isinstance(system, System)
    return create_app(system)


def http_protocol() -> "type[DirectProtocol]":
    """How a server speaks HTTP to the doors."""
    from phalanx.api.protocol import DirectProtocol

    return DirectProtocol
