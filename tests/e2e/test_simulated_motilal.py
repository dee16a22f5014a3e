"""`phalanx simulate broker motilal`, a process: says where it is, serves it, and ends when told to."""

import json
import os
import signal
import ssl
import subprocess

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.server import END_S_MAX, PHALANX

CERTIFICATES = ROOT / "tests/data/tls"
FREE = ("--port", "0", "--orders-port", "0", "--feed-port", "0", "--feed-tcp-port", "0")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_it_says_where_it_is_and_serves_every_share_that_comes_with_phalanx(tls: bool) -> None:
    options = ("--certificate", str(CERTIFICATES / "localhost.pem")) if tls else ()
    command = [*PHALANX, "simulate", "broker", "motilal", "--json", *FREE, *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)
    ) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            trust = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
            with httpx.Client(base_url=ready["url"], verify=trust, trust_env=False) as http:
                master = http.get("/getscripmastercsv", params={"name": "NSE"}).text
                unknown = http.post("/rest/book/v5/getorderbook").json()
            process.send_signal(signal.SIGTERM)
            last = json.loads(process.stdout.readline())
            process.wait(END_S_MAX)
        finally:
            process.kill()

    secure = "s" if tls else ""
    assert ready["orders"].startswith(f"ws{secure}://")
    assert ready["feed"].endswith("/jwebsocket/jwebsocket")
    assert ready["feed_tcp"].startswith("127.0.0.1:")
    assert master.count("\r\n") > 3_000
    assert unknown["errorcode"] == "MO2003"
    assert last == {"orders": 0}
    assert process.returncode == 0
