"""A server that asks for new keys, as OpenSSL's own does when it is told: Python's cannot be."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from phalanx.brokers.wire.tls import Tls, tls_context
from tests.fakes.wire_peer import CA, CERTIFICATES, WAIT_S_MAX

OPENSSL = shutil.which("openssl")


@pytest.fixture
def server() -> Iterator["subprocess.Popen[str]"]:
    own = str(CERTIFICATES / "localhost.pem")
    command = [str(OPENSSL), "s_server", "-accept", "127.0.0.1:0", "-tls1_3", "-cert", own]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command, "-key", own], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process
        process.kill()


def _until(server: "subprocess.Popen[str]", pattern: str) -> str:
    """The first line that it prints like this."""
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(pattern, line):
            return found[0]
    raise AssertionError(f"it ended without {pattern}")


@pytest.mark.skipif(OPENSSL is None, reason="there is no openssl here")
def test_new_keys_are_answered_before_the_next_request_and_not_in_front_of_it(
    server: "subprocess.Popen[str]",
) -> None:
    port = int(_until(server, r"(?<=^ACCEPT 127\.0\.0\.1:)\d+"))
    tls = Tls(tls_context(CA), "localhost")
    with socket.create_connection(("127.0.0.1", port), WAIT_S_MAX) as own:
        stands, sealed = tls.shake_hands(b"")
        while not stands:
            own.sendall(sealed)
            stands, sealed = tls.shake_hands(own.recv(1 << 16))
        own.sendall(sealed)
        _until(server, "CIPHER is")
        assert tls.open(own.recv(1 << 16)) == b"", "tickets"
        assert tls.due() == b""
        one_record = len(tls.seal(b"a request\n"))

        assert server.stdin is not None
        server.stdin.write("K\n")
        server.stdin.flush()
        while not tls.due():
            assert tls.open(own.recv(1 << 16)) == b""
            assert tls.end == ""

        assert len(tls.seal(b"a request\n")) == one_record
