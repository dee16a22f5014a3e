"""The examples of docs/webhooks.md do what the page says, against a server that listens."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import uvicorn

from phalanx.api import create_app
from phalanx.api.problems import STATUSES
from tests.api.conftest import Site
from tests.api.hooks.conftest import sender
from tests.conftest import ROOT

PAGE = (ROOT / "docs/webhooks.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    return PAGE.split(f"<!-- example: {name} -->")[1].split("```")[1].partition("\n")[2]


@asynccontextmanager
async def listening(site: Site) -> AsyncIterator[str]:
    """The address of a server for this site."""
    config = uvicorn.Config(
        create_app(site.system), port=0, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110  it has no event
            await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


async def run(*words: str, **environment: str) -> str:
    running = await asyncio.create_subprocess_exec(
        *words,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, wrong = await running.communicate()
    assert running.returncode == 0, wrong
    return said.decode()


@pytest.mark.parametrize("name", ["python", "curl"])
async def test_an_example_fires_a_signal(hooked: Site, name: str) -> None:
    if name == "curl" and not (shutil.which("curl") and shutil.which("openssl")):
        pytest.skip("there is no curl, or no openssl")
    tv = await sender(hooked, "tradingview")
    words = (sys.executable, "-c") if name == "python" else ("sh", "-c")
    async with listening(hooked) as server:
        said = await run(*words, example(name), SERVER=server, SECRET=tv.secret)

    answer = msgspec.json.decode(said)
    assert (answer["source"], answer["status"]) == ("tradingview", "WORKING")


@pytest.mark.parametrize("number", [0, 1])
async def test_a_source_of_the_page_is_taken(hooked: Site, number: int) -> None:
    bodies = [
        found for found in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if '"mode"' in found
    ]
    body = msgspec.json.decode(bodies[number])

    assert (await hooked.send("PUT", "/api/v1/hooks/of-the-page", body)).status_code == 200


def test_the_statuses_of_the_page_are_true() -> None:
    rows = re.findall(r"^\| ([0-9]{3}) \| (`.*`)", PAGE, re.MULTILINE)
    said = {
        code: int(status) for status, codes in rows for code in re.findall(r"`([A-Z_]+)`", codes)
    }

    assert len(said) > 8
    assert {code: STATUSES.get(code, 422) for code in said} == said
