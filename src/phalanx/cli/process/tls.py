"""TLS of a server: its certificate, its key, and what it does not speak any more."""

import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from phalanx.cli.exit_codes import Exit, Failure

if TYPE_CHECKING:
    from phalanx.config import Settings

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption only. Those of TLS 1.3 are all so."""

STRICT_TRANSPORT = ("strict-transport-security", "max-age=31536000")
"""What every answer says of a server that ends TLS itself; behind a proxy it is the proxy's to say."""


def server_context(settings: "Settings") -> ssl.SSLContext | None:
    """What the server speaks TLS with; None: it does not.

    Raises Failure TLS_KEY_READABLE (others may read the key), TLS_UNUSABLE.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    try:
        _check_key(key)
        # A key with a passphrase would have it asked for on a terminal that nobody sees.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        why = error.strerror or str(error)
        detail = f"no certificate and its key in {certificate} and {key}: {why}"
        raise Failure(Exit.FAILURE, "TLS_UNUSABLE", detail) from None
    return context


def _check_key(key: Path) -> None:
    if stat.S_IMODE(key.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        detail = f"others than its owner may use {key}; chmod 600 {key}"
        raise Failure(Exit.NOT_ALLOWED, "TLS_KEY_READABLE", detail)
