"""What the platform's answers have in common: numbers that are exact, and who and what they are about."""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Raw

from phalanx.desk.desk import Desk
from phalanx.domain.instruments import InstrumentKey, known_instrument, split_key
from phalanx.domain.numbers import Fixed, format_fixed

Number: TypeAlias = Annotated[Raw, Meta(extra_json_schema={"type": "number"})]
ZERO: Final = Raw(b"0")


class ClientBrief(msgspec.Struct, frozen=True, gc=False):
    """Whose."""

    id: int
    name: str


class TokenBrief(msgspec.Struct, frozen=True, gc=False):
    """Of what. ``id`` is ``EXCHANGE:TOKEN``, which every door takes for a token."""

    id: str
    symbol: str
    token_id: str
    exchange: str
    instrument_type: str


def number(value: Fixed) -> Raw:
    """An exact JSON number."""
    return Raw(format_fixed(value).encode("ascii"))


def maybe_number(value: Fixed | None) -> Raw | None:
    """An exact JSON number, where there is one."""
    return None if value is None else number(value)


def token_brief(desk: Desk, key: InstrumentKey, symbol: str = "") -> TokenBrief:
    """An instrument in a few words; ``symbol`` is for one that no master knows any more."""
    found = known_instrument(desk.instruments, desk.state.local_instruments, key)
    exchange, token = split_key(key)
    if found is None:
        return TokenBrief(key, symbol or key, token, exchange, "")
    return TokenBrief(key, found.symbol, token, exchange, found.instrument_type)
