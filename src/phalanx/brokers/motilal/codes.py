"""The broker's error codes, by what they prove."""

SESSION_OVER: frozenset[str] = frozenset({"MO1011", "MO8001", "MO8002", "MO8003"})
"""Client not logged in; token invalid, expired, missing: nothing works before the next login."""

MISMATCHES: frozenset[str] = frozenset({"MO1089", "MO1090"})
"""A modify named another ``lastmodifiedtime`` or ``qtytradedtoday`` than the order has now."""

CREDENTIALS_REFUSED: frozenset[str] = frozenset(
    {"MO1000", "MO1001", "MO1004", "MO1005", "MO1007", "MO1093", "MO1100"}
)
"""User, password, key, second factor, TOTP, no login access: to try again at once would lock the login."""


def _from_to(first: int, last: int) -> frozenset[str]:
    return frozenset(f"MO{number}" for number in range(first, last + 1))


AMBIGUOUS: frozenset[str] = frozenset({"MO5000", "MO5001", "MO5002", "MO8000"})
"""Lost between the broker's own servers, or a technical error: the order may exist."""

MARKET_ORDER = "M01108"
"""Market orders are not allowed by API. Spelt with a zero in the live answers, where others have an O."""

WRONG_ADDRESS = "MO2035"
"""The request came from an address that is not registered; said about orders only."""

DEFINITE: frozenset[str] = (
    SESSION_OVER
    | MISMATCHES
    | CREDENTIALS_REFUSED
    | {MARKET_ORDER, "MO1108", "MO5003", "MO1103", "MO1104", WRONG_ADDRESS}
    # Fields, quantities, circuits, triggers, tags; 1065 to 1069 say that the order has ended.
    | _from_to(1050, 1088)
    # Headers and JSON.
    | _from_to(2001, 2026)
) - AMBIGUOUS
"""Refusals that prove that nothing was taken. Any other code, 429 or 5xx proves nothing."""
