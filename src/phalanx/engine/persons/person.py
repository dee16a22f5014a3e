"""Who may say it: people, never a machine."""

from phalanx.domain.access import is_person
from phalanx.domain.instructions import Origin
from phalanx.engine.refused import Refused


def check_person(origin: Origin, what: str) -> None:
    """Raises Refused ``PERSON_NEEDED`` for a machine key and a webhook; ``what``: what they asked for."""
    if not is_person(origin.actor):
        raise Refused("PERSON_NEEDED", f"{what} is a person's business, not {origin.actor}'s")
