"""A server's certificate and key, and what it speaks with them."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.process.tls import server_context
from phalanx.config import Settings
from tests.fakes.wire_peer import CA, CERTIFICATES
from tests.unit.cli.doubles import run


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A certificate with its key, for its owner only."""
    copy = tmp_path / "localhost.pem"
    copy.write_bytes((CERTIFICATES / "localhost.pem").read_bytes())
    copy.chmod(0o600)
    return copy


def context_of(key: Path, certificate: Path | None = None) -> ssl.SSLContext:
    found = server_context(Settings(tls_certificate=certificate or key, tls_key=key))
    assert found is not None
    return found


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str | None, str]:
    """The version and the cipher that both agree on. Raises ssl.SSLError when there is none."""
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def serve() -> None:
            try:
                server.wrap_socket(ours, server_side=True).close()
            except OSError:
                ours.close()

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            with client.wrap_socket(theirs, server_hostname="localhost") as wrapped:
                cipher = wrapped.cipher()
                assert cipher is not None
                return wrapped.version(), cipher[0]
        finally:
            serving.join()


def client_context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CA)


def test_without_a_certificate_there_is_no_tls() -> None:
    assert server_context(Settings()) is None


def test_it_speaks_the_newest_version(key: Path) -> None:
    assert shake_hands(context_of(key), client_context())[0] == "TLSv1.3"


@pytest.mark.parametrize(
    "cipher", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"]
)
def test_it_speaks_the_version_before_with_modern_ciphers(key: Path, cipher: str) -> None:
    client = client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(cipher)

    assert shake_hands(context_of(key), client) == ("TLSv1.2", cipher)


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA"])
def test_it_speaks_no_old_cipher(key: Path, cipher: str) -> None:
    client = client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(cipher)

    with pytest.raises(OSError, match=r"(?i)handshake|reset|eof|peer"):
        shake_hands(context_of(key), client)


def test_it_speaks_no_old_version(key: Path) -> None:
    assert context_of(key).minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_may_use_is_refused(key: Path, mode: int) -> None:
    key.chmod(mode)

    with pytest.raises(Failure) as caught:
        context_of(key, CERTIFICATES / "localhost.pem")

    assert (caught.value.exit_code, caught.value.code) == (Exit.NOT_ALLOWED, "TLS_KEY_READABLE")


def test_a_pair_that_does_not_fit_or_is_not_there_is_refused(key: Path, tmp_path: Path) -> None:
    for certificate in (CERTIFICATES / "elsewhere.pem", tmp_path / "none.pem"):
        with pytest.raises(Failure, match="TLS_UNUSABLE"):
            context_of(key, certificate)
    with pytest.raises(Failure, match="TLS_UNUSABLE"):
        context_of(tmp_path / "none.pem")


def test_a_server_refuses_before_anything_is_touched(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key.chmod(0o644)
    monkeypatch.setenv("PHALANX_TLS_CERTIFICATE", str(key))
    monkeypatch.setenv("PHALANX_TLS_KEY", str(key))

    for command, code in (("serve", "TLS_KEY_READABLE"), ("demo", "DEMO_WITHOUT_TLS")):
        result = run(command, "--data", str(tmp_path / "data"))
        assert result.exit_code != 0
        assert code in result.stderr
        assert not (tmp_path / "data").exists()
