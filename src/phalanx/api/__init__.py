"""The HTTP and WebSocket doors. ``app`` is the ASGI application; it builds its system when it starts."""

from phalanx.api.front import Front
from phalanx.api.system import System

__all__ = ["app", "create_app"]

app: Front


def create_app(system: System | None = None) -> Front:
    """An application over ``system``, which its lifespan starts and stops; without one, over a
    system built from the settings at start-up.
    """
    from phalanx.api.catalogue import DOORS

    return Front(DOORS, system)


def __getattr__(name: str) -> Front:
    """``app``, once somebody asks for it: our own server makes another one, and the doors take a tenth of a
    second to set up.
    """
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made: Front = globals().setdefault(name, create_app())
    return made
