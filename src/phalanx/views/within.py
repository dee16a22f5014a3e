"""How far somebody sees who sees a part of the book only, as conditions on rows.

The conditions are in the queries themselves, so that pages, counts and totals are of that part.
"""

from typing import Final, TypeAlias

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import InstrumentKey

Value: TypeAlias = int | str

_encode: Final = msgspec.json.Encoder(order="sorted").encode
_AMONG: Final = "IN (SELECT value FROM json_each(?))"


class Within(msgspec.Struct, frozen=True):
    """Rows of these accounts, strategies and instruments; None is no bound. What has no strategy is outside
    where strategies are named. ``actor``: whose own instructions are seen whatever came of them.
    """

    accounts: frozenset[AccountId] | None = None
    strategies: frozenset[str] | None = None
    instruments: frozenset[InstrumentKey] | None = None
    actor: str = ""

    def has(self, account: AccountId, strategy: str | None, instrument: InstrumentKey) -> bool:
        """Whether a row of these is seen."""
        return (
            (self.accounts is None or account in self.accounts)
            and (self.strategies is None or strategy in self.strategies)
            and (self.instruments is None or instrument in self.instruments)
        )

    def of_orders(self, alias: str) -> tuple[str, tuple[Value, ...]]:
        """The condition on rows that have an account, a strategy and an instrument."""
        conditions, values = ["TRUE"], list[Value]()
        for column, found in (
            ("account", self.accounts),
            ("strategy", self.strategies),
            ("instrument", self.instruments),
        ):
            if found is not None:
                conditions.append(f"{alias}.{column} {_AMONG}")
                values.append(listed(found))
        return " AND ".join(conditions), tuple(values)

    def of_skips(self, alias: str) -> tuple[str, tuple[Value, ...]]:
        """The condition on rows of ``skips``, of an instruction that `of_signals` admits."""
        conditions, values = ["TRUE"], list[Value]()
        for column, found in (("account", self.accounts), ("instrument", self.instruments)):
            if found is not None:
                conditions.append(f"{alias}.{column} {_AMONG}")
                values.append(listed(found))
        return " AND ".join(conditions), tuple(values)

    def of_signals(self, alias: str) -> tuple[str, tuple[Value, ...]]:
        """The condition on instructions whose skips are seen: where strategies are named, their signals."""
        if self.strategies is None:
            return "TRUE", ()
        request = f"{alias}.request"
        # A signal's tag is 1 and its strategy comes first: it is kept as an array.
        condition = (
            f"(json_extract({request}, '$[0]') = 1 AND json_extract({request}, '$[1]') {_AMONG})"
        )
        return condition, (listed(self.strategies),)


def listed(values: frozenset[str]) -> str:
    """Values as one parameter."""
    return _encode(sorted(values)).decode()
