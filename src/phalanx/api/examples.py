"""Examples: shown in the OpenAPI document. Bodies are decoded by the tests, answers are compared with
what a new server with the clients of ``PROFILES`` says.
"""

from typing import Any

Examples = dict[str, Any]

CREATE_ORDER: Examples = {
    "buy": {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"},
    "sell by token": {"STRATEGY": "STRATEGY_A", "INSTRUMENT": 2885, "POSITION": "SELL"},
}

INSTRUCTIONS: Examples = {
    "signal": {
        "kind": "signal",
        "strategy": "STRATEGY_B",
        "instrument": "MINDA",
        "position": "BUY",
    },
    "limit order": {
        "kind": "order",
        "client": 7,
        "instrument": "RELIANCE",
        "side": "BUY",
        "product": "DELIVERY",
        "type": "LIMIT",
        "quantity": "10",
        "price": "1364.5",
    },
    "market order by account and token": {
        "kind": "order",
        "account_id": "PAPER-7",
        "instrument": "NSE:2885",
        "side": "SELL",
        "quantity": 10,
        "note": "asked for on the phone",
        "expires_s": 60,
    },
}

REPLACE_ORDER: Examples = {"another price": {"price": "1360.05"}, "fewer": {"quantity": 5}}

NEW_CLIENT: Examples = {
    "with funds": {"name": "Holland Proctor", "available_funds": 250000},
    "with the opening cash": {"name": "Oaklee Wagner"},
}

ACCOUNT_CHANGE: Examples = {
    "slow and partial fills": {
        "fill_profile": {"fill_duration_ms": 5000, "filled_bps": 6000, "slices": 3}
    },
    "ten requests a second, two of them kept for exits": {
        "rate_limit": {"count": 10, "window_ms": 1000, "reserved": 2}
    },
    "cash that no order uses": {"reserve": "25000.50"},
    "off": {"enabled": False},
}

SUBSCRIPTION_CHANGE: Examples = {
    "a SELL closes this strategy's lots only": {"sell_scope": "strategy"},
    "a quarter of the available cash": {"sizing": {"method": "cash_share", "percent": "25"}},
    "ten each, intraday": {
        "sizing": {"method": "fixed_quantity", "quantity": 10},
        "product": "INTRADAY",
        "type": "LIMIT",
    },
    "one lot each": {"sizing": {"method": "fixed_quantity"}},
    "off": {"enabled": False},
}

KILL: Examples = {
    "everybody": {"note": "feed looks wrong"},
    "one account": {"account": "PAPER-7"},
}

PROFILES: Examples = {
    "two users": {
        "Holland Proctor": {
            "STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"],
            "STRATEGY_B": ["MINDA"],
        },
        "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
    }
}

INSTRUMENTS_CSV = (
    "symbol,token_id,exchange,instrument_type,lot_size,tick_size\nRELIANCE,2885,NSE,EQ,1,0.05\n"
)

PARTS: dict[str, str] = {
    "account": "PAPER-1",
    "account_id": "PAPER-1",
    "client_id": "1",
    "instruction_id": "IC400000000",
    "order_id": "C400000000",
    "strategy": "STRATEGY_B",
}
"""Parts of paths."""

CREATE_ORDER_ANSWERS: Examples = {
    "ACCEPTED": {
        "RESPONSE": "ACCEPTED",
        "reason": None,
        "message": None,
        "instruction_id": "IC400000000",
        "outcomes": [
            {
                "client": "Holland Proctor",
                "client_id": 1,
                "account": "PAPER-1",
                "status": "ACCEPTED",
                "reason": None,
                "message": None,
                "order_id": "C400000000",
            }
        ],
    },
    "REJECTED": {
        "RESPONSE": "REJECTED",
        "reason": "NOTHING_VALID",
        "message": "not valid for any account",
        "instruction_id": "IC400000001",
        "outcomes": [
            {
                "client": "Holland Proctor",
                "client_id": 1,
                "account": "PAPER-1",
                "status": "REJECTED",
                "reason": "NO_OPEN_LOT",
                "message": "no open buy of GRASIM to sell",
                "order_id": None,
            }
        ],
    },
}

INSTRUCTION_ANSWERS: Examples = {
    "limit order": {
        "instruction_id": "IC400000002",
        "kind": "order",
        "status": "WORKING",
        "reason": None,
        "message": None,
        "instrument": "RELIANCE",
        "symbol": "RELIANCE",
        "exchange": "NSE",
        "token_id": "2885",
        "outcomes": [
            {
                "client": "Holland Proctor",
                "client_id": 1,
                "account": "PAPER-1",
                "status": "ACCEPTED",
                "reason": None,
                "message": None,
                "order_id": "C400000001",
                "quantity": "10",
                "price": "1364.5",
                "side": "BUY",
                "product": "DELIVERY",
                "type": "LIMIT",
            }
        ],
    },
}

PROBLEM: dict[str, Any] = {
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": "'HOLD' is not one of BUY, SELL",
    "code": "INVALID_POSITION",
    "field": "POSITION",
    "request_id": "signal-17",
    "type": "about:blank",
}
"""What POST /create_order answers to the POSITION HOLD of the request named signal-17."""
