"""Examples of what the platform's clients send: shown in the document, decoded by the tests."""

from typing import Any

Examples = dict[str, Any]

PLACE_ORDER: Examples = {
    "buy at the market": {
        "client_id": 7,
        "token_id": "2885",
        "execution_type": "BUY",
        "order_type": "MARKET",
        "trade_type": "DELIVERY",
        "quantity": 10,
        "tag": "asked for on the phone",
    },
    "sell at a limit": {
        "client_id": 7,
        "token_id": "NSE:2885",
        "execution_type": "SELL",
        "order_type": "LIMIT",
        "trade_type": "MTF",
        "quantity": 10,
        "price": 1364.5,
    },
    "get out, at most 25": {
        "client_id": 7,
        "token_id": 2885,
        "execution_type": "EXIT",
        "order_type": "MARKET",
        "trade_type": "INTRADAY",
        "quantity": 25,
    },
}

EXECUTE_ALL: Examples = {
    "buy for three clients, one of them left out": {
        "token_id": "2885",
        "execution_type": "BUY",
        "order_type": "LIMIT",
        "trade_type": "DELIVERY",
        "price": 1364.5,
        "client_orders": [
            {"client_id": 1, "quantity": 10},
            {"client_id": 2, "quantity": 25},
            {"client_id": 3, "quantity": 0},
        ],
    },
}

EXIT_BY_TOKEN: Examples = {
    "of two clients": [1, 2],
    "the same": {"client_ids": [1, 2]},
}
