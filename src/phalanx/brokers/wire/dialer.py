"""How a login reaches its broker: where, from which address of its own, under which TLS."""

import asyncio
import socket
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from phalanx.brokers.wire.address import Address
from phalanx.brokers.wire.connection import Connection, Owner
from phalanx.brokers.wire.patience import Patience
from phalanx.brokers.wire.timeouts import Timeouts
from phalanx.brokers.wire.tls import start_tls, tls_context
from phalanx.brokers.wire.unread import UnreadAnswers


class Dialer:
    """Opens connections. ``source``: an address of this machine that every connection leaves from,
    empty where the machine may choose; ``ca``: a file of certificates to trust instead of the system's.

    ``tls`` is what verifies the broker, None where it speaks plain HTTP; ``unread_answers`` what came in on any
    of its connections and is not read yet; ``local`` this machine's address on the last that was opened.
    Raises ValueError for a source that is no address, OSError for a file without certificates.
    """

    def __init__(
        self,
        address: Address,
        source: str = "",
        ca: Path | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008  frozen
    ) -> None:
        self.address = address
        self.source = source
        self.local = ""
        self.tls = tls_context(ca) if address.tls else None
        self._timeouts = timeouts
        self._family = _family(source)
        self.unread_answers = UnreadAnswers()
        self._patience: Patience | None = None

    async def connect(self, owner: Owner) -> Connection:
        """A connection that is ready for a request. Raises OSError: TimeoutError, an address that this
        machine does not have, a certificate that is not to be trusted.
        """
        timeouts = self._timeouts
        loop = asyncio.get_running_loop()
        if self._patience is None:
            self._patience = Patience(loop, timeouts.answer_s)
        async with asyncio.timeout(timeouts.connect_s):
            own = await self._connected()
        try:
            tls = None
            if self.tls is not None:
                async with asyncio.timeout(timeouts.handshake_s):
                    tls = await start_tls(own, self.tls, self.address.host)
            made = Connection(
                own, owner, self._patience, self.unread_answers, timeouts.write_s, tls
            )
            # The protocol is made before its transport: it has the socket already.
            await loop.create_connection(lambda: made, sock=own)
        except BaseException:
            own.close()
            raise
        return made

    async def _connected(self) -> socket.socket:
        """A socket that is connected to the first place of the address that answers."""
        loop = asyncio.get_running_loop()
        host, port = self.address.host, self.address.port
        lookup = partial(loop.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        failure = OSError(f"no address of {host}")
        for family, kind, protocol, _, place in await lookup(family=self._family):
            own = socket.socket(family, kind, protocol)
            try:
                own.settimeout(0)
                own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.source:
                    own.bind((self.source, 0))
                await loop.sock_connect(own, place)
                self.local = str(own.getsockname()[0])
                return own
            except OSError as error:
                own.close()
                failure = error
            except BaseException:
                own.close()
                raise
        raise failure


def _family(source: str) -> int:
    if not source:
        return socket.AF_UNSPEC
    return socket.AF_INET6 if ip_address(source).version == 6 else socket.AF_INET  # noqa: PLR2004
