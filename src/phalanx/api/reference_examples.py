"""Examples of reference data and files: shown in the OpenAPI document, decoded by the tests."""

from phalanx.api.examples import Examples

GROUP: Examples = {
    "accounts, one of them twice as large": {
        "members": ["PAPER-1", {"account": "PAPER-2", "multiplier": "2"}]
    },
    "a client's primary account": {"members": [{"client": 7, "multiplier": 0.5}]},
    "nobody": {"members": []},
}

PRIORITY_LIST: Examples = {"names and tokens": {"instruments": ["RELIANCE", "NSE:11536", 1594]}}
PRIORITY_LIST_CSV = "instrument\nRELIANCE\nTCS\nINFY\n"

LIMITS: Examples = {
    "one order of anybody, and one account": [
        {"level": "global", "quantity_max": "5000", "value_max": 2500000},
        {"level": "account", "name": "PAPER-7", "orders_per_day_max": 200},
    ],
    "a client may buy no more of two stocks": [
        {"level": "client", "name": 7, "restricted": ["RELIANCE", "NSE:11536"]}
    ],
}
LIMITS_CSV = (
    "level,name,quantity_max,value_max,position_max,orders_per_day_max,restricted\n"
    "global,,5000,2500000,,,\n"
    "client,7,,,1000,,RELIANCE TCS\n"
)

SETTINGS: Examples = {
    "a wider band for market orders": {"protection_bps": 150},
    "smaller orders": {"quantity_max": "5000", "value_max": 2500000},
}

DECISION: Examples = {"with a note": {"note": "agreed on the phone"}, "without": {}}
ARMING: Examples = {
    "a group": {"groups": ["core"], "note": "the morning's open"},
    "accounts and a client's": {"accounts": ["LIVE-1", "LIVE-2"], "clients": [7]},
}

MODE: Examples = {
    "to live": {"mode": "live", "confirm": "MOTILAL-7"},
    "to paper": {"mode": "paper"},
}

CLIENTS_CSV = "name,cash,group\nHolland Proctor,250000.50,core\nOaklee Wagner,1000000,\n"
CALENDAR_CSV = (
    "date,phase,from,to,note\n"
    "2026-11-08,PRE_OPEN,18:00,18:08,Muhurat\n"
    "2026-11-08,CONTINUOUS,18:15,19:15,Muhurat\n"
    "2026-09-15,HOLIDAY,,,Elections\n"
)
CLOSING_AUCTION_CSV = "symbol\nRELIANCE\nINFY\n"
POSITIONS_CSV = (
    "client,instrument,quantity,cost,date,product\n"
    "Holland Proctor,RELIANCE,10,1250.05,2025-06-13,DELIVERY\n"
    "2,INFY,25,,2024-11-01,\n"
)

RAW_DETAILS: Examples = {
    "a small desk": {
        "USERS": ["Holland Proctor", "Oaklee Wagner"],
        "STRATEGIES": ["STRATEGY_A", "STRATEGY_B"],
        "INSTRUMENTS": ["BIRLASOFT", "GRASIM", "MINDA"],
    }
}
