"""Examples of webhook sources and alerts: shown in the OpenAPI document, decoded by the tests."""

from phalanx.api.examples import Examples

ALERTS: Examples = {
    "JSON": '{"ticker": "MINDA", "strategy": "STRATEGY_B", "action": "long"}',
    "key=value": "ticker=MINDA strategy=STRATEGY_B action=long",
    "words": "STRATEGY_B MINDA long",
}

SOURCE: Examples = {
    "signals, signed": {
        "mode": "auto",
        "verification": "hmac",
        "template": {
            "kind": "signal",
            "strategy": "{{strategy}}",
            "instrument": "{{ticker}}",
            "position": "{{action}}",
        },
        "values": {"action": {"long": "BUY", "flat": "SELL"}},
        "caps": {"per_minute": 30, "value_max": "250000"},
        "fence": {"strategies": ["STRATEGY_B"]},
    },
    "a list of a scanner, asked about": {
        "mode": "ask",
        "verification": "path_secret",
        "template": {"kind": "priority_buy", "instruments": "{{stocks}}", "note": "{{scan_name}}"},
        "lists": ["stocks"],
        "repeat_s": 60,
        "note": "the morning scan",
    },
}

TRIAL: Examples = {
    "JSON": {"body": {"ticker": "MINDA", "strategy": "STRATEGY_B", "action": "long"}},
    "text": {"body": "ticker=MINDA strategy=STRATEGY_B action=long"},
}
