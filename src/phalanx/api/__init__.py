"""The HTTP and WebSocket doors. ``app`` is the ASGI application; it builds its system when it starts."""

from phalanx.api.front import Front
from phalanx.api.system import System

__all__ = ["app", "create_app"]


def create_app(system: System | None = None) -> Front:
    """An application over ``system``, which its lifespan starts and stops; without one, over a
    system built from the settings at start-up.
    """
    from phalanx.api.catalogue import DOORS

    return Front(DOORS, system)


app = create_app()
