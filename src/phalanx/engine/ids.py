"""Ids made inside the event, never at send time.

A ClOrdID is 10 characters ``[A-Z0-9]``: 2 of the desk, 1 of the shard, 7 of a journaled counter
in base 36. It fits the narrowest broker tag and is unique for ever. Other ids are like it, with a
letter in front that says what they are of; each kind has a counter of the state's, only fills by
hand share the requests'. What reconciliation invents is named after its content instead, so that
the same thing found again has the same id.
"""

import hashlib
from collections.abc import Iterator
from functools import lru_cache

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = tuple(a + b for a in _DIGITS for b in _DIGITS)
_PAIR = 36 * 36

COUNTER_MAX = 36**7 - 1
SHARD_MAX = 35
DESK_IDS = _PAIR
_HAND_FILL_LENGTH = 11
_ID_LENGTH = 10


def base36(counter: int) -> str:
    """Seven base-36 digits of a counter in ``0..COUNTER_MAX``."""
    if not 0 <= counter <= COUNTER_MAX:
        raise OverflowError(f"counter {counter} does not fit seven base-36 digits")
    low, middle, high = counter % _PAIR, counter // _PAIR % _PAIR, counter // _PAIR**2 % _PAIR
    return _DIGITS[counter // _PAIR**3] + _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]


def prefix(desk_id: str, shard: int) -> str:
    """The three characters in front of every counter."""
    return desk_id + _DIGITS[shard]


def new_cl_ord_id(desk: str, shard: int, counter: int) -> str:
    """An order's id."""
    return _numbered("", desk, shard, counter)


def new_request_id(desk: str, shard: int, counter: int) -> str:
    """The id of a cancel or replace: ``R`` and ten characters."""
    return _numbered("R", desk, shard, counter)


def counter_of(cl_ord_id: str, desk: str, shard: int) -> int | None:
    """The counter in an order's id of this desk and shard; None for any other text."""
    if len(cl_ord_id) != _ID_LENGTH or not cl_ord_id.startswith(prefix(desk, shard)):
        return None
    digits = cl_ord_id[3:]
    if not (digits.isascii() and digits.isalnum() and digits == digits.upper()):
        return None
    return int(digits, 36)


def instruction_counter_of(instruction_id: str, desk: str, shard: int) -> int | None:
    """The counter in an instruction's id of this desk and shard; None for any other text."""
    kind, rest = instruction_id[:1], instruction_id[1:]
    return counter_of(rest, desk, shard) if kind == "I" else None


def cl_ord_ids(desk: str, shard: int, first: int) -> Iterator[str]:
    """The ids of orders from that counter on, for who needs many."""
    return _counted("", desk, shard, first)


def request_ids(desk: str, shard: int, first: int) -> Iterator[str]:
    """The ids of cancels and replaces from that counter on."""
    return _counted("R", desk, shard, first)


def _counted(kind: str, desk: str, shard: int, first: int) -> Iterator[str]:
    """One concatenation each: the first five digits are the same for 1,296 counters."""
    high, low = divmod(first, _PAIR)
    while True:
        start = _start(kind, desk, shard, high)
        while low < _PAIR:
            yield start + _PAIRS[low]
            low += 1
        high, low = high + 1, 0


def _numbered(kind: str, desk: str, shard: int, counter: int) -> str:
    return _start(kind, desk, shard, counter // _PAIR) + _PAIRS[counter % _PAIR]


@lru_cache(16)
def _start(kind: str, desk: str, shard: int, high: int) -> str:
    """All but the last two digits: each kind of id asks for the same one 1,296 times."""
    return kind + prefix(desk, shard) + base36(high * _PAIR)[:-2]


def new_instruction_id(desk: str, shard: int, counter: int) -> str:
    """``I`` and ten characters."""
    return _numbered("I", desk, shard, counter)


def new_change_id(desk: str, shard: int, counter: int) -> str:
    """A change that waits for another person: ``C`` and ten characters."""
    return _numbered("C", desk, shard, counter)


def new_hand_fill_id(desk: str, shard: int, counter: int) -> str:
    """The ExecID of a fill by hand: ``H`` and ten characters."""
    return _numbered("H", desk, shard, counter)


def is_hand_fill_id(exec_id: str) -> bool:
    """Whether an ExecID is of a fill by hand; a broker's may begin like one and goes on otherwise."""
    return len(exec_id) == _HAND_FILL_LENGTH and exec_id.startswith("H") and exec_id.isalnum()


def foreign_lot_id(book: str, exec_id: str) -> str:
    """The lot of what somebody bought outside: ``EXT-`` and ten characters of the execution."""
    return "EXT-" + _of_content(book, exec_id)


def new_break_id(account: str, kind: str, subject: str) -> str:
    """A break: ``B`` and ten characters of what differs."""
    return "B" + _of_content(account, kind, subject)


def _of_content(*parts: str) -> str:
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    high, low = divmod(int.from_bytes(digest, "big"), COUNTER_MAX + 1)
    return base36(high % (COUNTER_MAX + 1))[-_ID_LENGTH + 7 :] + base36(low)


def desk_id(draw: int) -> str:
    """Two characters from a random draw, for a new data folder."""
    return _PAIRS[draw % DESK_IDS]
