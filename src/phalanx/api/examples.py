"""Examples of request bodies: shown in the OpenAPI document, and decoded by the tests."""

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
