"""The certificate of the broker in the benchmarks: that of the tests, for this machine alone."""

import ssl
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "tests" / "data" / "tls"
AUTHORITY = FOLDER / "ca.pem"
CERTIFICATE = FOLDER / "localhost.pem"


def server_context() -> ssl.SSLContext:
    """For the broker."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context
