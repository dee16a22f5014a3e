"""Examples of reconciliation: shown in the OpenAPI document, decoded by the tests."""

from phalanx.api.examples import Examples

RECONCILE: Examples = {
    "everybody": {},
    "two accounts": {"accounts": ["PAPER-1", "PAPER-2"]},
    "all accounts of a client": {"clients": [7]},
}
BREAK_CHANGE: Examples = {
    "whose it is": {"owner": "Asha", "deadline": "2026-11-20T15:30:00+05:30"},
    "what there is to know": {"note": "the broker's desk was called"},
    "given back": {"owner": ""},
}
BREAK_CLOSING: Examples = {"settled": {"note": "bonus shares, credited at the broker today"}}
SETTLE: Examples = {
    "it is this one": {"order_id": "250620000012345", "note": "seen in the broker's terminal"},
    "the broker never received it": {"not_received": True, "note": "their desk says so, ticket 81"},
    "its new limit is in force": {"request": "granted", "note": "seen in the broker's terminal"},
}
