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
    "stop order": {
        "kind": "order",
        "client": 7,
        "instrument": "RELIANCE",
        "side": "SELL",
        "type": "STOP",
        "quantity": "10",
        "stop_price": "1290",
    },
    "spend the cash of a group down a kept list": {
        "kind": "priority_buy",
        "list": "nifty",
        "allocation": "equal_split",
        "leftover": "keep",
        "max_new": 10,
        "groups": ["core"],
    },
    "so much of each stock, for everybody": {
        "kind": "priority_buy",
        "instruments": ["RELIANCE", "TCS"],
        "allocation": "fixed_amount",
        "amount": "50000",
        "leftover": "one_lot",
    },
    "rows": {
        "kind": "batch",
        "rows": [
            {
                "client": 7,
                "instrument": "RELIANCE",
                "side": "BUY",
                "product": "DELIVERY",
                "type": "MARKET",
                "quantity": "10",
            }
        ],
    },
    "equal cash over a group": {
        "kind": "batch",
        "instrument": "RELIANCE",
        "side": "BUY",
        "product": "DELIVERY",
        "type": "LIMIT",
        "price": "1364.5",
        "allocation": {"method": "equal_cash", "amount": "100000"},
        "groups": ["core"],
    },
    "half of a stock, for two clients": {
        "kind": "exit",
        "instrument": "NSE:2885",
        "clients": [1, 2],
        "percent": "50",
        "scope": "both",
    },
    "everything that was bought today": {"kind": "exit", "everything": True},
}

FOLLOW_UP: Examples = {"with a note": {"note": "the broker was down", "expires_s": 120}}

FILL: Examples = {"three at the last price": {"quantity": "3"}}

BASKET_CSV = (
    "client,instrument,side,quantity,type,price\n"
    "7,RELIANCE,BUY,10,LIMIT,1364.5\n"
    "8,TCS,SELL,5,MARKET,\n"
)

REPLACE_ORDER: Examples = {"another price": {"price": "1360.05"}, "fewer": {"quantity": 5}}

NEW_CLIENT: Examples = {
    "with funds": {"name": "Holland Proctor", "available_funds": 250000},
    "with the opening cash": {"name": "Oaklee Wagner"},
}

NEW_ACCOUNT: Examples = {
    "another paper account": {"client": 1, "broker": "paper", "cash": "250000"},
    "at a broker, under its client code": {
        "client": 1,
        "broker": "stub",
        "account": "HP0417",
        "login": "dealer-1",
        "mode": "paper",
    },
}

ACCOUNT_CHANGE: Examples = {
    "where it would be live": {
        "live": {"broker": "stub", "login": "dealer-1", "client_code": "AA020"}
    },
    "to another broker": {"broker": "stub", "login": "dealer-1"},
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
    "stop, and get out of today's positions": {"note": "feed looks wrong", "flatten": True},
    "one strategy, with what it has working": {
        "level": "strategy",
        "name": "STRATEGY_B",
        "cancel": True,
    },
    "one client's working orders, and no kill": {
        "level": "client",
        "name": 1,
        "block": False,
        "cancel": "all",
    },
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

SCRIP_MASTER = (
    "exchange,exchangename,scripcode,scripname,marketlot,scripshortname,issuspended,instrumentname,"
    "expirydate,strikeprice,optiontype,markettype,foexposurepercent,ticksize,scripisinno,"
    "indicesidentifier,isbanscrip,scripfullname,facevalue,calevel,maxqtyperorder\n"
    "1,NSE,2885,RELIANCE EQ,1,RELIANCE,N,          ,0,0.00,EQ,1,0.00,0.100,INE002A01018,"
    "0,N,RELIANCE INDUSTRIES LTD,10.00,0,0\n"
    "2,NSEFO,43215,NIFTY 31-Dec-2026 CE 17000,75,NIFTY,N,OPTIDX    ,1483228799,17000.00,CE,2,0.00,"
    "0.050,,0,N,NIFTY,0.00,0,1800\n"
)

PARTS: dict[str, str] = {
    "account": "PAPER-1",
    "account_id": "PAPER-1",
    "break_id": "B9N2X4J7Q0K",
    "change_id": "CC400000000",
    "client_id": "1",
    "instruction_id": "IC400000000",
    "key_id": "9c1f0a7be2d35846",
    "level": "account",
    "login": "dealer-1",
    "name": "core",
    "secret": "a-secret-of-an-example",
    "slot": "1",
    "source": "tradingview",
    "order_id": "C400000000",
    "session_id": "5f0c9e3b7a1d4c2e8b6f0a9d3c7e1b45",
    "strategy": "STRATEGY_B",
    "token": "2885",
    "trade_id": "C400000000",
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
        "fire_at": None,
        "parent": None,
        "follow_up": None,
        "counts": {"orders": 1, "cancels": 0, "skips": 0},
        "outcomes": [
            {
                "client": "Holland Proctor",
                "client_id": 1,
                "account": "PAPER-1",
                "status": "ACCEPTED",
                "reason": None,
                "message": None,
                "order_id": "C400000001",
                "instrument": "RELIANCE",
                "symbol": "RELIANCE",
                "row": None,
                "quantity": "10",
                "price": "1364.5",
                "stop_price": None,
                "side": "BUY",
                "product": "DELIVERY",
                "type": "LIMIT",
                "charges": None,
                "cash_after": None,
            }
        ],
        "outcomes_total": 1,
        "waits_for": None,
        "approve_by": None,
        "undo_until": None,
    },
}

PREVIEW_ANSWERS: Examples = {
    "limit order": INSTRUCTION_ANSWERS["limit order"]
    | {
        "instruction_id": None,
        "outcomes": [
            outcome | {"order_id": None, "charges": "0", "cash_after": "986355"}
            for outcome in INSTRUCTION_ANSWERS["limit order"]["outcomes"]
        ],
        "token": "Ax_3vXKIp7RY2x-WTo3NrfW1",
        "expires_at": "2026-11-20T09:17:00.000000+05:30",
        "accounts": [
            {
                "client": "Holland Proctor",
                "client_id": 1,
                "account": "PAPER-1",
                "orders": 1,
                "cancels": 0,
                "skips": 0,
                "value": "13645",
                "charges": "0",
                "cash_after": "986355",
            }
        ],
        "totals": {
            "accounts": 1,
            "orders": 1,
            "cancels": 0,
            "skips": 0,
            "value": "13645",
            "charges": "0",
            "reasons": [],
        },
        "needs_approval": None,
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
