"""Examples of the doors of this room, for the document and for the tests that walk it."""

from typing import Any, Final

Examples = dict[str, Any]

SESSION: Final = "5f0c9e3b7a1d4c2e8b6f0a9d3c7e1b45"
KEY_ID: Final = "9c1f0a7be2d35846"

LOGIN: Examples = {
    "a user": {"user": "ann", "password": "correct horse battery"},
    "with a second factor": {"user": "ann", "password": "correct horse battery", "code": "492039"},
    "in a browser": {"user": "ann", "password": "correct horse battery", "cookie": True},
}
REFRESH: Examples = {"a program": {"refresh_token": f"phr_{SESSION}_n2YcV0k4"}}
LOGGED_IN: Examples = {
    "access_token": "eyJhbGciOiJFZERTQSIs…",
    "token_type": "Bearer",
    "expires_in": 600,
    "refresh_token": f"phr_{SESSION}_n2YcV0k4",
    "session": SESSION,
    "session_expires_at": "2026-11-20T21:15:00.000000+05:30",
    "must_change": False,
}
ENDED: Examples = {"session": SESSION, "ended": True}
LOGGED_IN_COOKIE: Examples = {**LOGGED_IN, "refresh_token": None}

NEW_PASSWORD: Examples = {
    "another": {"old": "correct horse battery", "new": "staple of correct horses"}
}
CONFIRMATION: Examples = {"my password": {"password": "correct horse battery"}}
FIRST_CODE: Examples = {"six digits": {"code": "492039"}}
ME: Examples = {
    "name": "ann",
    "kind": "user",
    "role": "trader",
    "permissions": ["approve", "read", "stop", "trade"],
    "clients": None,
    "fence": None,
    "session": SESSION,
    "second_factor": "on",
    "recovery_codes_left": 9,
    "must_change": False,
}
ME_MACHINE: Examples = {
    "name": "algo1",
    "kind": "machine",
    "role": None,
    "permissions": ["read", "trade"],
    "clients": None,
    "fence": {"strategies": ["STRATEGY_B"], "instruments": ["NSE:2885"], "accounts": []},
    "session": KEY_ID,
    "second_factor": "off",
    "recovery_codes_left": 0,
    "must_change": False,
}

NEW_USER: Examples = {
    "a trader": {"name": "ann", "role": "trader"},
    "a client": {"name": "cora", "role": "client", "clients": [1], "may_trade": True},
}
USER_CHANGE: Examples = {
    "shut out": {"enabled": False},
    "other duties": {"role": "client", "clients": [1], "may_trade": False},
}
USER_MADE: Examples = {
    "name": "ann",
    "role": "trader",
    "clients": [],
    "may_trade": False,
    "enabled": True,
    "second_factor": "off",
    "must_change": True,
    "created_at": "2026-11-20T09:15:00.000000+05:30",
    "changed_at": "2026-11-20T09:15:00.000000+05:30",
    "password": "k3yq-7f2m-x5ab-pl6d-b2nw-q4ze",
}

NEW_KEY: Examples = {
    "a strategy": {
        "name": "algo1",
        "scopes": ["read", "trade"],
        "strategies": ["STRATEGY_B"],
        "accounts": ["PAPER-1"],
    },
    "for a month": {"name": "report", "scopes": ["read"], "expires_days": 30},
    "until a day": {
        "name": "probe",
        "scopes": ["metrics"],
        "expires_at": "2027-01-01T00:00:00+05:30",
        "instruments": ["NSE:2885"],
    },
}
KEY_MADE: Examples = {
    "id": KEY_ID,
    "name": "algo1",
    "scopes": ["read", "trade"],
    "strategies": ["STRATEGY_B"],
    "instruments": ["NSE:2885"],
    "accounts": [],
    "created_by": "admin",
    "created_at": "2026-11-20T09:15:00.000000+05:30",
    "expires_at": "2027-02-18T09:15:00.000000+05:30",
    "revoked_at": None,
    "last_used_at": None,
    "token": f"phx_{KEY_ID}_Yb5s…",
}
