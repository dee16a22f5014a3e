"""Answers of the server to instructions."""

FOREVER = "9999-11-20T15:00:00+05:30"
"""A time to fire at that no clock has passed."""
ACCEPTED = {
    "status": "ACCEPTED",
    "client": "Holland Proctor",
    "account": "PAPER-1",
    "order_id": "AB1",
}
REJECTED = {"status": "REJECTED", "client": "B", "account": "PAPER-2", "reason": "NO_OPEN_LOT"}


def answer(
    *outcomes: dict[str, str],
    reason: str | None = None,
    message: str | None = None,
    status: str = "WORKING",
    token: str | None = None,
    **facts: object,
) -> dict[str, object]:
    """An answer to an instruction, or with ``token`` to a preview."""
    if reason is not None and message is None:
        message = "not valid for any account"
    found: dict[str, object] = {
        "instruction_id": "I1",
        "status": status,
        "reason": reason,
        "message": message,
        "outcomes": list(outcomes),
    }
    if token is not None:
        found |= {"instruction_id": None, "token": token, "expires_at": "2026-11-20T09:17:00+05:30"}
    return {**found, **facts}


def order(account: str, symbol: str, quantity: str, price: str, **facts: str) -> dict[str, str]:
    """The outcome of one order."""
    return {
        "status": "ACCEPTED",
        "client": f"client of {account}",
        "account": account,
        "symbol": symbol,
        "side": "BUY",
        "quantity": quantity,
        "price": price,
        **facts,
    }


def skip(account: str, reason: str, message: str = "") -> dict[str, str]:
    """The outcome of one skip."""
    return {
        "status": "REJECTED",
        "client": f"client of {account}",
        "account": account,
        "reason": reason,
        "message": message,
    }
