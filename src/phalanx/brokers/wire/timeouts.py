"""How long each phase of a request may take."""

import msgspec


class Timeouts(msgspec.Struct, frozen=True):
    """In seconds. ``connect``: until TCP stands, the name looked up included. ``handshake``: from then
    until TLS stands. ``write``: until the kernel took the last byte of a request. ``answer``: from the
    first byte of the request to the last of the answer.
    """

    connect_s: float = 5.0
    handshake_s: float = 5.0
    write_s: float = 5.0
    answer_s: float = 15.0
