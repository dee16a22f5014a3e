"""Packets out of bytes as they come: several in one read, one over several, and what is none."""

from typing import Final

from phalanx.market.feeds.broadcast.codec import HEARTBEAT, PACKET_BYTES

EXCHANGE_LETTERS: Final = b"NBMCDG"
_TYPE_AT: Final = 9


class PacketSplitter:
    """Cuts what is read into frames of 30 bytes; remembers less than two of them.

    The stream has neither lengths nor marks. A frame looks right when it begins with an exchange's letter
    and its type is a letter or a digit, or when it is a heartbeat. One that does not, before one that does,
    is passed over as a whole; otherwise bytes are passed over until two frames in a row look right, and from
    there on it is in step again. What comes out depends on the bytes alone, not on how they were split.
    """

    __slots__ = ("_in_step", "_rest", "skipped")

    def __init__(self) -> None:
        self._rest = b""
        self._in_step = True
        self.skipped = 0
        """Bytes that were no part of a packet."""

    def split(self, data: bytes) -> list[bytes]:
        """The frames that are whole now."""
        buffer = self._rest + data
        frames, at, size = [], 0, len(buffer)
        while at + PACKET_BYTES <= size:
            looks_right = _looks_right(buffer, at)
            if not (looks_right and self._in_step):
                if at + 2 * PACKET_BYTES > size:
                    break
                passed = self._passed_over(looks_right, _looks_right(buffer, at + PACKET_BYTES))
                if passed:
                    self.skipped += passed
                    at += passed
                    continue
            frames.append(buffer[at : at + PACKET_BYTES])
            at += PACKET_BYTES
        self._rest = buffer[at:]
        return frames

    def _passed_over(self, looks_right: bool, follows: bool) -> int:  # noqa: FBT001  two looks
        """How many bytes are no packet, by how this frame and the one after it look; 0: it is one."""
        if looks_right and follows:
            self._in_step = True
            return 0
        if follows and self._in_step:
            return PACKET_BYTES
        self._in_step = False
        return 1


def _looks_right(buffer: bytes, at: int) -> bool:
    kind = buffer[at + _TYPE_AT : at + _TYPE_AT + 1]
    return kind == HEARTBEAT or (buffer[at] in EXCHANGE_LETTERS and kind.isalnum())
