"""A server over https, and what the command line, a program and the stream make of it."""

import asyncio
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.e2e.server import PHALANX, Server
from tests.fakes.wire_peer import CA, CERTIFICATES


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    key = tmp_path / "localhost.pem"
    key.write_bytes((CERTIFICATES / "localhost.pem").read_bytes())
    key.chmod(0o600)
    monkeypatch.setenv("PHALANX_TLS_CERTIFICATE", str(key))
    monkeypatch.setenv("PHALANX_TLS_KEY", str(key))
    started = Server(tmp_path / "data")
    started.start()
    yield started
    started.stop()


def phalanx(*words: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if "PHALANX_" not in name}
    command = [*PHALANX, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


async def first_message(url: str, trust: ssl.SSLContext) -> str:
    async with connect(f"{url}/ws?topics=orders", ssl=trust, proxy=None) as stream:
        return await stream.recv(decode=True)


def test_everything_goes_over_tls_and_only_over_tls(server: Server) -> None:
    url = server.url.replace("http:", "https:")
    trust = ssl.create_default_context(cafile=CA)

    with httpx.Client(verify=trust, trust_env=False) as http:
        answer = http.get(f"{url}/health/live")
        order = http.post(
            f"{url}/create_order",
            json={"STRATEGY": "A", "INSTRUMENT": "MINDA", "POSITION": "BUY"},
        )
    assert (answer.status_code, order.status_code) == (200, 200)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert '"topic":"orders"' in asyncio.run(first_message(url.replace("https:", "wss:"), trust))

    trusted = phalanx("--ca", str(CA), "kill", "--server", url, "--json")
    assert trusted.returncode == 0, trusted.stderr
    untrusted = phalanx("kill", "show", "--server", url)
    assert (untrusted.returncode, "CERTIFICATE_VERIFY_FAILED" in untrusted.stderr) == (7, True)
    with pytest.raises(httpx.TransportError), httpx.Client(trust_env=False) as http:
        http.get(f"{server.url}/health/live")
