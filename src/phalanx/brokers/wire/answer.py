"""What came back: one complete, well-framed HTTP answer, or none."""

import httptools
import msgspec

HEAD_BYTES_MAX = 16 << 10
"""Status line and headers of an answer."""

BODY_BYTES_MAX = 256 << 10
"""An answer to an order has a few hundred bytes."""

_FINAL_MIN = 200
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A complete answer. What it means is the broker module's business."""

    status: int
    body: bytes


class BadAnswer(Exception):
    """It is no answer that can be trusted; the connection is of no use any more."""


class AnswerParser:
    """Collects the answer to one request.

    Its end must be told by a length or by chunks: otherwise a connection that broke in the middle of
    a body would look like one that ended. ``is_last``, afterwards: the broker will close.
    """

    __slots__ = ("_collected", "_parser", "_size")

    def __init__(self) -> None:
        self._collected = _Collected()
        # The parser knows the collected parts and not the other way round: no cycle.
        self._parser = httptools.HttpResponseParser(self._collected)
        self._size = 0

    def feed(self, data: bytes) -> Answer | None:
        """The answer, once it is complete. Raises BadAnswer, also for anything that comes after it."""
        collected = self._collected
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise BadAnswer(f"it is not HTTP: {error}") from error
        if not collected.has_head:
            if self._size > HEAD_BYTES_MAX:
                raise BadAnswer("its head is too long")
            return None
        status = self._parser.get_status_code()
        fault = self._fault(status)
        if fault:
            raise BadAnswer(fault)
        return Answer(status, b"".join(collected.body)) if collected.is_complete else None

    @property
    def is_last(self) -> bool:
        """Whether the broker closes the connection behind this answer."""
        return self._collected.closes or self._parser.get_http_version() != "1.1"

    def _fault(self, status: int) -> str:
        collected = self._collected
        if collected.head_size > HEAD_BYTES_MAX:
            return "its head is too long"
        if collected.body_size > BODY_BYTES_MAX:
            return "its body is too long"
        if collected.count > 1:
            return "more than one came"
        if status < _FINAL_MIN:
            return f"it is an interim one, {status}"
        return "" if collected.is_framed else "it does not say where it ends"


class _Collected:
    """The parser's callbacks."""

    __slots__ = (
        "body",
        "body_size",
        "closes",
        "count",
        "has_head",
        "head_size",
        "is_complete",
        "is_framed",
    )

    def __init__(self) -> None:
        self.body: list[bytes] = []
        self.body_size = 0
        self.closes = False
        self.count = 0
        self.has_head = False
        self.head_size = 0
        self.is_complete = False
        self.is_framed = False

    def on_message_begin(self) -> None:
        self.count += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        self.head_size += len(name) + len(value)
        name = name.lower()
        if name in _FRAMING:
            self.is_framed = True
        elif name == b"connection" and b"close" in value.lower():
            self.closes = True

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, body: bytes) -> None:
        self.body_size += len(body)
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.is_complete = True
