"""A server with logins in this process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.identity.rig import LoginSite, open_login_site
from tests.fakes.clock import ManualClock


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoginSite]:
    async with open_login_site(tmp_path / "data", monkeypatch, ManualClock()) as opened:
        yield opened
