"""`phalanx simulate broker stub` and `phalanx serve`, each a process: orders over the wire, plain and TLS."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.load import Json
from tests.e2e.server import END_S_MAX, PHALANX, Server

CERTIFICATES = ROOT / "tests/data/tls"
SETTLE_S_MAX = 30.0


@contextmanager
def stub_broker(*options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Its address, and its process."""
    command = [*PHALANX, "simulate", "broker", "stub", "--port", "0", "--json", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            assert ready["ready"] is True
            yield ready["url"], process
        finally:
            process.kill()


def row_of(http: httpx.Client, path: str, **wanted: object) -> Json:
    """The one row with these values, once it has them. Fails when the time is over."""
    ends = time.monotonic() + SETTLE_S_MAX
    while True:
        items: list[Json] = http.get(path).json()["items"]
        found = [row for row in items if wanted.items() <= row.items()]
        if found:
            return found[0]
        assert time.monotonic() < ends, f"nothing in {path} with {wanted}: {items}"
        time.sleep(0.05)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_order_goes_out_over_the_wire_and_comes_back_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    options = ("--certificate", str(CERTIFICATES / "localhost.pem")) if tls else ()
    with stub_broker("--fill-after-ms", "20", *options) as (url, broker):
        assert url.startswith("https://" if tls else "http://")
        monkeypatch.setenv("PHALANX_STUB_BROKER", url)
        if tls:
            monkeypatch.setenv("PHALANX_STUB_BROKER_CA", str(CERTIFICATES / "ca.pem"))
        server = Server(tmp_path / "data")
        server.start()
        try:
            with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as http:
                http.post("/api/v1/clients", json={"name": "Asha"}).raise_for_status()
                account = {"client": 1, "broker": "stub", "account": "HP1", "cash": "10000000"}
                http.post("/api/v1/accounts", json=account).raise_for_status()
                row_of(http, "/api/v1/accounts", account="HP1", open=True)
                order = {"kind": "order", "account_id": "HP1", "instrument": "INFY", "side": "BUY"}
                terms = {"product": "DELIVERY", "type": "LIMIT", "quantity": "3", "price": "1500"}
                answer = http.post("/api/v1/instructions", json=order | terms)
                assert answer.status_code == 202, answer.text
                order_id = answer.json()["outcomes"][0]["order_id"]
                row_of(http, "/api/v1/orders", order_id=order_id, status="FILLED")
        finally:
            assert server.stop() == 0
        broker.send_signal(signal.SIGINT)
        said, _ = broker.communicate(timeout=END_S_MAX)
        assert json.loads(said) == {"accounts": 1, "orders": 1}
        assert broker.returncode == 0
