"""Our own signed webhook: ``webhook+https://HOST/PATH``.

``X-Phalanx-Signature: v1=HEX`` is HMAC-SHA256 over ``X-Phalanx-Timestamp``, a dot, and the body's bytes.
"""

import hmac
from collections.abc import Callable
from typing import Final

import msgspec

from phalanx.alerts.addresses import target_of
from phalanx.alerts.errors import INVALID_CHANNEL, AlertError
from phalanx.alerts.message import Message
from phalanx.alerts.outgoing import Outgoing
from phalanx.alerts.services import failed_with, is_success
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND, Nanoseconds

SCHEMES: Final = frozenset({"webhook+https", "webhook+http"})
SECRET_BYTES_MIN: Final = 16
_PREFIX: Final = len("webhook+")
_encode = msgspec.json.Encoder().encode


class WebhookSender:
    """Posts alerts as JSON. Raises AlertError ADDRESS_NOT_ALLOWED, INVALID_CHANNEL when it is made."""

    def __init__(
        self, url: Secret, secret: Secret, outgoing: Outgoing, now: Callable[[], Nanoseconds]
    ) -> None:
        if len(secret.reveal().encode("utf-8", "surrogatepass")) < SECRET_BYTES_MIN:
            raise AlertError(
                INVALID_CHANNEL, f"a webhook needs a secret of at least {SECRET_BYTES_MIN} bytes"
            )
        self._url = Secret(url.reveal()[_PREFIX:])
        self._secret = secret
        self._outgoing = outgoing
        self._now = now
        target_of(self._url.reveal(), outgoing.allowed)

    def send(self, message: Message) -> None:
        """Raises SendFailed, AlertError ADDRESS_NOT_ALLOWED."""
        body = _encode(message)
        at = str(self._now() // SECOND)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "phalanx",
            "X-Phalanx-Timestamp": at,
            "X-Phalanx-Signature": f"v1={signature(self._secret, at, body)}",
        }
        status = self._outgoing.send("POST", self._url.reveal(), headers, body).status
        if not is_success(status):
            raise failed_with(status)


def signature(secret: Secret, timestamp: str, body: bytes) -> str:
    """What proves that a body was sent by whoever knows the secret, at that time (Unix seconds)."""
    key = secret.reveal().encode("utf-8", "surrogatepass")
    return hmac.digest(key, timestamp.encode() + b"." + body, "sha256").hex()
