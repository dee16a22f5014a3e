"""The bytes of a request: all but the body and its length are made once."""

from collections.abc import Mapping

from phalanx.brokers.wire.address import Address


class RequestHead:
    """A POST of JSON to one path, up to its length. Raises ValueError for what fits no header line."""

    __slots__ = ("_before_length",)

    def __init__(self, address: Address, path: str, headers: Mapping[str, str]) -> None:
        lines = [f"POST {path} HTTP/1.1", f"Host: {address.authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["Content-Type: application/json", "Content-Length: "]
        if not all(line.isascii() and line.isprintable() for line in lines):
            raise ValueError("a header has printable ASCII characters only")
        self._before_length = "\r\n".join(lines).encode("ascii")

    def request(self, body: bytes | bytearray) -> bytes:
        """The whole request with this body."""
        return b"%b%d\r\n\r\n" % (self._before_length, len(body)) + body
