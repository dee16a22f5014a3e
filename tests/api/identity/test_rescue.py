"""An admin who was rescued while no server ran: in again, and in the audit from the next start on."""

from pathlib import Path

import pytest

from phalanx.access import passwords
from phalanx.access.notes import Note, Notes
from phalanx.access.passwords import PasswordCost
from phalanx.bootstrap import rescue_admin
from phalanx.journal.errors import JournalLocked
from tests.api.identity.rig import ANOTHER, ME, LoginSite, open_login_site
from tests.fakes.clock import ManualClock

AUDIT = "/api/v1/audit"
RESCUED = f"{AUDIT}?act=admin_rescued"
CHANGE = "/api/v1/auth/password"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PasswordCost", lambda: PasswordCost(1, 8, 1))


async def test_a_rescue_is_in_the_audit_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    async with open_login_site(data, monkeypatch, ManualClock()):
        with pytest.raises(JournalLocked):
            rescue_admin(data)
    password = rescue_admin(data).password.reveal()

    async with open_login_site(data, monkeypatch, ManualClock()) as site:
        root = await site.log_in("root", password)
        assert await root.refused("GET", AUDIT) == (403, "PASSWORD_CHANGE_NEEDED")
        await root.does("POST", CHANGE, {"old": password, "new": ANOTHER})
        (fact,) = (await root.does("GET", RESCUED))["items"]
    async with open_login_site(data, monkeypatch, ManualClock()) as site:
        root = await site.log_in("root", ANOTHER)
        again = (await root.does("GET", RESCUED))["items"]

    assert (fact["actor"], fact["subject"], fact["door"]) == ("local", "root", "access")
    said, _, at = fact["detail"].partition("; done ")
    assert said == "a new password, no second factor"
    assert at < fact["time"]
    assert password not in str(fact)
    assert again == [fact]


async def test_a_process_that_dies_before_it_forgets_the_note_tells_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    async with open_login_site(data, monkeypatch, ManualClock()):
        pass
    rescue_admin(data)

    def dies(_notes: Notes, _note: Note) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(Notes, "forget", dies)
        with pytest.raises(KeyboardInterrupt):
            async with open_login_site(data, monkeypatch, ManualClock()):
                pass
    password = rescue_admin(data).password.reveal()

    async with open_login_site(data, monkeypatch, ManualClock()) as site:
        root = await site.log_in("root", password)
        await root.does("POST", CHANGE, {"old": password, "new": ANOTHER})
        facts = (await root.does("GET", RESCUED))["items"]
        assert Notes(site.directory.store).waiting() == ()

    assert len(facts) == 3, "the first one twice, the second once"
    assert facts[1]["detail"] == facts[2]["detail"] < facts[0]["detail"]


async def test_a_refusal_of_somebody_who_is_known_is_told_in_their_name(site: LoginSite) -> None:
    told: list[tuple[str, str, str]] = []

    class Everything:
        def tell(self, act: object, _subject: str, detail: str, origin: object) -> None:
            told.append((str(act), detail, getattr(origin, "actor", "")))

    ann = await site.log_in("ann")
    site.front.house.facts = Everything()
    site.directory.users.reset_password("ann")

    assert await ann.refused("GET", ME) == (401, "SESSION_ENDED")
    assert told == [("unauthenticated", "SESSION_ENDED", "ann")]
