"""How much the desk takes on at once."""

import msgspec

from phalanx.domain.time import MILLISECOND, SECOND, Nanoseconds


class Pace(msgspec.Struct, frozen=True):
    """Bounds of the work that the one loop has before it. A simulation makes them small.

    ``easy_bytes``: decided and not yet durable; with more than this, new risk waits for its turn.
    ``urgent_bytes_max``: cancels and exits pass up to here; beyond it they are turned away too. Kills
    always pass.
    ``behind_ns``: answers that have come and wait to be booked for longer than this: new risk waits.
    ``waiting_max``: commands that wait for their turn; one more is turned away at once.
    ``waiting_weight_max``: rows, names and quantities in them, for it is these that take memory.
    ``turn_weight``: so much of them is let in in one turn of the loop; what is heavier goes alone.
    ``wait_ns``: who had no turn by then is turned away: no instruction is decided on an old market.
    ``writes_per_turn``: after so many orders and requests written in one go, kills and whatever else comes
    in have a turn; answers wait for the last write where their broker can put them off.
    """

    easy_bytes: int = 256 << 10
    urgent_bytes_max: int = 32 << 20
    behind_ns: Nanoseconds = 100 * MILLISECOND
    waiting_max: int = 1_024
    waiting_weight_max: int = 200_000
    turn_weight: int = 256
    wait_ns: Nanoseconds = 2 * SECOND
    writes_per_turn: int = 2_000
