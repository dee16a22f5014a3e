"""A reader that rebuilds the tables from what the stream sends, as a dashboard does."""

from typing import Any

import msgspec

from phalanx.desk.showing.stream import Reader, Stream

KEYS = {
    "orders": "order_id",
    "instructions": "instruction_id",
    "accounts": "key",
    "desk": "name",
    "breaks": "break_id",
    "changes": "change_id",
}

TOPICS = tuple(KEYS)


def key_of(topic: str, item: dict[str, Any]) -> str:
    """The key of a row as it was told."""
    if topic == "accounts":
        return f"{item['account']}/{item['mode'][0]}"
    return str(item[KEYS[topic]])


class Replica:
    """Tables by topic; every message must follow the one before it. Raises AssertionError."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.reader: Reader = stream.join(TOPICS)
        self.tables: dict[str, dict[str, Any]] = {}
        self.n: dict[str, int] = {}
        self.seq: dict[str, int] = {}

    def catch_up(self) -> list[dict[str, Any]]:
        """Take in what has come; the messages."""
        taken = []
        while self.reader._messages:
            message = msgspec.json.decode(self.reader._messages.popleft())
            self._take(message)
            taken.append(message)
        return taken

    def check(self) -> None:
        """The tables are those of the boards."""
        assert not self.reader.closed_reason, self.reader.closed_reason
        self.catch_up()
        for name, topic in self._stream.topics.items():
            shown = {key: msgspec.to_builtins(topic._show(row)) for key, row in topic.rows.items()}
            assert self.tables[name] == shown, name
            assert self.n[name] == topic.n
            assert self.seq[name] <= self._stream.seq

    def _take(self, message: dict[str, Any]) -> None:
        topic, n = message["topic"], message["n"]
        if message["type"] == "snapshot":
            assert topic not in self.tables, "one snapshot, at first"
            self.tables[topic] = {}
        else:
            assert n == self.n[topic] + 1, f"{topic} jumps from {self.n[topic]} to {n}"
            assert message["seq"] > self.seq[topic]
        self.n[topic], self.seq[topic] = n, message["seq"]
        table = self.tables[topic]
        for key in message.get("gone", ()):
            table.pop(key, None)
        for item in message["items"]:
            table[key_of(topic, item)] = item
