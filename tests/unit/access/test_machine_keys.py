"""Machine keys: shown once, bounded, fenced, and over when they are over."""

from pathlib import Path

import msgspec
import pytest

from phalanx.access.directory import Directory
from phalanx.access.errors import AccessCode
from phalanx.access.machine_keys import KEPT_AFTER_NS, LIFE_MAX_NS, Issued, NewKey
from phalanx.domain.access import Fence, Permission, PrincipalKind
from phalanx.domain.secrets import Secret
from phalanx.domain.time import DAY, HOUR
from tests.fakes.clock import START, ManualClock
from tests.unit.access.rig import bearer, open_directory, refused

FENCE = Fence(frozenset({"RED", "BLUE"}), frozenset({"NSE:2885"}), frozenset({"A1"}))
NEW = NewKey("bot", frozenset({Permission.TRADE, Permission.READ}), START + 30 * DAY, FENCE)


@pytest.fixture
def issued(directory: Directory) -> Issued:
    return directory.keys.create(NEW, by="root")


def test_a_key_opens_what_it_is_for(directory: Directory, issued: Issued) -> None:
    principal = directory.principal_of(bearer(issued.token))

    assert principal.kind is PrincipalKind.MACHINE
    assert principal.name == "bot"
    assert principal.permissions == {Permission.TRADE, Permission.READ}
    assert principal.fence == FENCE
    assert principal.client_ids is None


def test_a_key_is_shown_once_and_kept_as_a_hash(
    directory: Directory, issued: Issued, tmp_path: Path
) -> None:
    prefix, id, secret = issued.token.reveal().split("_", 2)

    content = b"".join(path.read_bytes() for path in tmp_path.glob("access.db*"))

    assert (prefix, id, len(secret)) == ("phx", issued.key.id, 43)
    assert secret not in repr(issued)
    assert secret.encode() not in content
    assert issued.key.hash in content


def test_two_keys_share_nothing(directory: Directory, issued: Issued) -> None:
    other = directory.keys.create(msgspec.structs.replace(NEW, name="other"), by="root")
    mixed = f"phx_{issued.key.id}_{other.token.reveal().split('_', 2)[2]}"

    assert refused(directory.principal_of, bearer(Secret(mixed))) is AccessCode.UNAUTHENTICATED
    assert directory.principal_of(bearer(other.token)).name == "other"


@pytest.mark.parametrize(
    "alter",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text[:-1],
        lambda text: text + "=",
        lambda text: text + " ",
        lambda text: text.replace("_", "-", 2),
        lambda text: "phx_" + "0" * 16 + text[20:],
        lambda text: "phx_" + text[4:20].upper() + text[20:] if text[4:20].islower() else "phx_",
        lambda _: "phx_",
        lambda _: "phx__",
        lambda _: "phx_" + "\xff" * 60,
        lambda text: text[:21] + "A" * 43,
    ],
    ids=[
        "last",
        "short",
        "long",
        "blank",
        "shape",
        "id",
        "case",
        "bare",
        "empty",
        "noise",
        "other",
    ],
)
def test_an_altered_key_opens_nothing(directory: Directory, issued: Issued, alter: object) -> None:
    assert callable(alter)
    header = b"Bearer " + alter(issued.token.reveal()).encode("latin-1")

    assert refused(directory.principal_of, header) is AccessCode.UNAUTHENTICATED


def test_a_revoked_key_opens_nothing_from_then_on(directory: Directory, issued: Issued) -> None:
    directory.principal_of(bearer(issued.token))

    revoked = directory.keys.revoke(issued.key.id)

    assert revoked.revoked_at == START
    assert refused(directory.principal_of, bearer(issued.token)) is AccessCode.UNAUTHENTICATED


def test_who_revokes_twice_changes_nothing(
    directory: Directory, issued: Issued, clock: ManualClock
) -> None:
    first = directory.keys.revoke(issued.key.id)
    clock.advance(DAY)

    assert directory.keys.revoke(issued.key.id) == first
    assert refused(directory.keys.revoke, "none") is AccessCode.NO_SUCH_KEY


def test_a_key_ends_when_it_says(directory: Directory, issued: Issued, clock: ManualClock) -> None:
    clock.advance(30 * DAY - 1)
    assert directory.principal_of(bearer(issued.token)).name == "bot"

    clock.advance(1)

    assert refused(directory.principal_of, bearer(issued.token)) is AccessCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "a b"},
        {"scopes": frozenset()},
        {"scopes": frozenset({Permission.ADMIN})},
        {"scopes": frozenset(Permission)},
        {"expires_at": START},
        {"expires_at": START + LIFE_MAX_NS + 1},
        {"fence": Fence(strategies=frozenset({""}))},
        {"fence": Fence(instruments=frozenset({"x" * 129}))},
        {"fence": Fence(accounts=frozenset({"a\nb"}))},
        {"fence": Fence(accounts=frozenset(map(str, range(1_001))))},
    ],
)
def test_a_key_that_cannot_be_is_refused(directory: Directory, changes: dict[str, object]) -> None:
    new = msgspec.structs.replace(NEW, **changes)

    assert refused(directory.keys.create, new, by="root") is AccessCode.INVALID
    assert directory.keys.list() == ()


def test_a_name_is_taken_in_whichever_case(directory: Directory, issued: Issued) -> None:
    again = msgspec.structs.replace(NEW, name="BOT")

    assert refused(directory.keys.create, again, by="root") is AccessCode.NAME_TAKEN


def test_there_is_a_last_key(
    directory: Directory, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phalanx.access.machine_keys.KEYS_MAX", 1)
    another = msgspec.structs.replace(NEW, name="other")

    assert refused(directory.keys.create, another, by="root") is AccessCode.TOO_MANY


def test_keys_are_listed_by_name_with_who_made_them(directory: Directory, issued: Issued) -> None:
    directory.keys.create(msgspec.structs.replace(NEW, name="Alert"), by="ann")
    directory.keys.revoke(issued.key.id)

    assert [(key.name, key.created_by) for key in directory.keys.list()] == [
        ("Alert", "ann"),
        ("bot", "root"),
    ]


def test_in_which_hour_a_key_was_used_is_kept_when_somebody_tidies(
    directory: Directory, issued: Issued, clock: ManualClock
) -> None:
    clock.advance(5 * HOUR)
    directory.principal_of(bearer(issued.token))
    assert directory.keys.list()[0].last_used_at is None

    directory.tidy()

    hour = clock.now() // HOUR * HOUR
    assert directory.keys.list()[0].last_used_at == hour
    clock.advance(hour + HOUR - 1 - clock.now())
    directory.principal_of(bearer(issued.token))
    assert directory.keys._used == {}
    clock.advance(1)
    directory.principal_of(bearer(issued.token))
    assert directory.keys._used == {issued.key.id: hour + HOUR}


def test_a_wrong_key_leaves_no_mark(directory: Directory, issued: Issued) -> None:
    wrong = Secret(issued.token.reveal()[:-1] + "!")

    refused(directory.principal_of, bearer(wrong))

    assert directory.keys._used == {}


def test_a_key_long_over_is_forgotten_and_its_name_is_free(
    directory: Directory, issued: Issued, clock: ManualClock
) -> None:
    directory.keys.revoke(issued.key.id)
    clock.advance(KEPT_AFTER_NS)
    directory.tidy()
    assert len(directory.keys.list()) == 1
    clock.advance(1)

    directory.tidy()

    assert directory.keys.list() == ()
    later = msgspec.structs.replace(NEW, expires_at=clock.now() + DAY)
    assert directory.keys.create(later, by="root").key.name == "bot"


def test_a_key_survives_a_restart_with_its_fence(tmp_path: Path, clock: ManualClock) -> None:
    with open_directory(tmp_path, clock) as directory:
        token = directory.keys.create(NEW, by="root").token
        before = directory.principal_of(bearer(token))
    with open_directory(tmp_path, clock) as directory:
        assert directory.principal_of(bearer(token)) == before
