"""Examples of alert rules and channels: shown in the OpenAPI document, decoded by the tests."""

from phalanx.api.examples import Examples

RULE: Examples = {
    "a storm of rejects": {
        "what": "reject_storm",
        "channels": ["desk-phone"],
        "threshold": 20,
        "window_s": 60,
    },
    "every kill, and of one group": {"what": "kill", "channels": ["ops"], "groups": ["core"]},
}

CHANNEL: Examples = {
    "a topic of ntfy": {"url": "ntfys://phalanx-desk-7f3a91"},
    "a webhook of one's own": {
        "url": "webhook+https://alerts.example.com/phalanx",
        "secret": "a long random text",
    },
}
