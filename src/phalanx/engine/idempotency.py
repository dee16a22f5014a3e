"""The same key again is the same command, or a mistake that is named."""

from phalanx.domain.instructions import Origin
from phalanx.engine.apply.upkeep import key_id
from phalanx.engine.refused import Refused
from phalanx.engine.state import State


def first_use(state: State, origin: Origin) -> int | None:
    """The seq of the event that used this key first, or None when it is new (or no key was given).

    Raises Refused ``IDEMPOTENCY_KEY_REUSED`` when the key came with another command.
    """
    if not origin.idempotency_key:
        return None
    use = state.keys.get(key_id(origin.actor, origin.idempotency_key))
    if use is None:
        return None
    if use.fingerprint != origin.fingerprint:
        raise Refused("IDEMPOTENCY_KEY_REUSED", "this key was used for another request")
    return use.seq
