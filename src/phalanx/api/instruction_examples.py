"""Examples of how instructions went: shown in the OpenAPI document, held against its shapes by the tests."""

from typing import Any

from phalanx.api.examples import Examples

_OF_ONE_ORDER = {
    "planned": 471_969,
    "committed": 6_518_122,
    "sent": 108_841,
    "acknowledged": 345_011,
    "first_fill": 527_501,
    "tat": 7_098_932,
}
_ORDER: dict[str, Any] = {
    "order_id": "C400000000",
    "instruction_id": "IC400000000",
    "client": "Holland Proctor",
    "client_id": 1,
    "account": "PAPER-1",
    "mode": "PAPER",
    "strategy": "STRATEGY_B",
    "instrument": "UNOMINDA",
    "symbol": "UNOMINDA",
    "exchange": "NSE",
    "token_id": "14154",
    "side": "BUY",
    "product": "DELIVERY",
    "type": "MARKET",
    "time_in_force": "DAY",
    "quantity": "1",
    "price": "3081.9",
    "stop_price": None,
    "row": None,
    "filled": "1",
    "leaves": "0",
    "average_price": "3051.3",
    "charges": "0",
    "status": "FILLED",
    "reason": None,
    "message": None,
    "text": "",
    "flag": "",
    "reduce_only": False,
    "broker_order_id": "PC400000000",
    "request_id": None,
    "time": "2026-11-20T09:15:00.861468+05:30",
    "ended_at": "2026-11-20T09:15:00.868950+05:30",
    "updated_at": "2026-11-20T09:15:00.868950+05:30",
    "tat_ns": 7_098_932,
    "hops": {
        "received_ns": 46_449_026_026_877,
        "planned_ns": 46_449_026_498_846,
        "held_ns": 0,
        "committed_ns": 46_449_033_016_968,
        "waited_ns": 0,
        "sent_ns": 46_449_033_125_809,
        "acknowledged_ns": 46_449_033_470_820,
        "first_fill_ns": 46_449_033_653_310,
        "done_ns": 46_449_033_653_310,
        "tat_ns": 7_098_932,
    },
    "fills": [
        {
            "exec_id": "C400000000-100000000",
            "quantity": "1",
            "price": "3051.3",
            "charges": "0",
            "time": "2026-11-20T09:15:00.868916+05:30",
            "seq": 20,
        }
    ],
    "requests": [],
}
INSTRUCTION: Examples = {
    "a signal for one account": {
        "instruction_id": "IC400000000",
        "kind": "signal",
        "status": "DONE",
        "reason": None,
        "message": None,
        "asked": {
            "kind": "signal",
            "strategy": "STRATEGY_B",
            "instrument": "MINDA",
            "position": "BUY",
            "accounts": [],
            "clients": [],
            "groups": [],
            "mode": None,
        },
        "parent": None,
        "follow_up": None,
        "actor": "local",
        "source": "create_order",
        "request_id": "96f28e47-2",
        "note": "",
        "time": "2026-11-20T09:15:00.861468+05:30",
        "fire_at": None,
        "expires_at": "2026-11-20T09:15:30.861468+05:30",
        "ended_at": "2026-11-20T09:15:00.868950+05:30",
        "orders_total": 1,
        "orders_open": 0,
        "skips_total": 0,
        "cancels_total": 0,
        "filled": 1,
        "canceled": 0,
        "rejected": 0,
        "expired": 0,
        "not_received": 0,
        "in_doubt": 0,
        "seq": 17,
        "waits_for": None,
        "undo_until": None,
        "approval": None,
        "orders": [_ORDER],
        "skips": [],
        "cancels": [],
        "tat_ns": 7_098_932,
        "latencies": [
            {"hop": hop, "orders": 1, "p50_ns": took, "p99_ns": took, "max_ns": took}
            for hop, took in _OF_ONE_ORDER.items()
        ],
        "as_of": 20,
    }
}

LATENCY: Examples = {
    "a thousand orders": {
        "items": [
            {
                "hop": "planned",
                "orders": 1000,
                "p50_ns": 8_102_331,
                "p99_ns": 8_102_331,
                "max_ns": 8_102_331,
            },
            {
                "hop": "committed",
                "orders": 1000,
                "p50_ns": 6_422_527,
                "p99_ns": 6_518_122,
                "max_ns": 6_518_122,
            },
            {
                "hop": "sent",
                "orders": 1000,
                "p50_ns": 9_699_327,
                "p99_ns": 19_398_655,
                "max_ns": 19_570_144,
            },
            {
                "hop": "acknowledged",
                "orders": 1000,
                "p50_ns": 2_228_223,
                "p99_ns": 5_111_807,
                "max_ns": 5_902_518,
            },
            {
                "hop": "tat",
                "orders": 1000,
                "p50_ns": 24_117_247,
                "p99_ns": 34_078_719,
                "max_ns": 34_190_597,
            },
        ]
    }
}
