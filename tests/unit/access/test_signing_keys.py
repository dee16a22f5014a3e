"""Signing keys: sealed on disk, one that signs, and the ones before it until their tokens are over."""

import threading
from pathlib import Path

import jwt
import pytest
from sqlalchemy import select

from phalanx.access.directory import Directory
from phalanx.access.errors import AccessCode
from phalanx.access.signing_keys import SigningKeys
from phalanx.access.tables import signing_keys
from phalanx.domain.secrets import Secret
from phalanx.domain.time import MINUTE, SECOND
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import (
    MirrorSealer,
    SeededRandom,
    bearer,
    log_in,
    open_directory,
    refused,
)


def kid_of(token: Secret) -> str:
    kid: str = jwt.get_unverified_header(token.reveal())["kid"]
    return kid


def test_a_token_of_the_key_before_is_good_until_it_is_over(
    directory: Directory, clock: ManualClock
) -> None:
    old = log_in(directory)
    clock.advance(MINUTE)
    directory.signing.rotate()
    new = log_in(directory)

    assert kid_of(old.access) != kid_of(new.access)
    directory._tokens._cache.clear()
    for tokens in (old, new):
        assert directory.principal_of(bearer(tokens.access)).session == tokens.session

    clock.advance(9 * MINUTE)
    assert refused(directory.principal_of, bearer(old.access)) is AccessCode.UNAUTHENTICATED
    assert directory.principal_of(bearer(new.access)).session == new.session


def test_a_key_verifies_as_long_as_its_last_token_and_is_then_deleted(
    directory: Directory, clock: ManualClock
) -> None:
    old = directory.signing.signer.kid
    new = directory.signing.rotate().kid

    clock.advance(10 * MINUTE + 10 * SECOND)
    directory.tidy()
    assert directory.signing.public(old) is not None
    clock.advance(1)
    assert directory.signing.public(old) is None
    directory.tidy()

    assert set(directory.store.picture.signing_keys) == {new}
    assert directory.signing.public(new) is not None


def test_the_same_key_signs_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    with open_directory(tmp_path, clock, seed=1) as directory:
        directory.signing.rotate()
        kid = directory.signing.signer.kid
    with open_directory(tmp_path, clock, seed=2) as directory:
        assert directory.signing.signer.kid == kid


def test_a_restart_between_login_and_request_ends_no_session(
    tmp_path: Path, clock: ManualClock
) -> None:
    with open_directory(tmp_path, clock, seed=1) as directory:
        created = directory.users.first_admin()
        assert created is not None
        assert created.password is not None
        tokens = log_in(directory, "admin", created.password)
    with open_directory(tmp_path, clock, seed=2) as directory:
        header = bearer(tokens.access)
        assert directory.principal_of(header, owing_password=True).name == "admin"
        assert directory.refresh(tokens.refresh).session == tokens.session


def test_of_many_that_rotate_at_once_the_last_one_signs(directory: Directory) -> None:
    start = threading.Barrier(6)

    def rotate() -> None:
        start.wait()
        directory.signing.rotate()

    threads = [threading.Thread(target=rotate) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    keys = directory.store.picture.signing_keys.values()
    working = [key.kid for key in keys if key.retired_at is None]
    assert working == [directory.signing.signer.kid]
    assert len(keys) == 7


class WatchedSealer(MirrorSealer):
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.plains: list[bytes] = []

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        self.plains.append(plain)
        return super().seal(plain, aad)


def test_the_private_part_is_on_disk_only_sealed_and_for_its_own_id(directory: Directory) -> None:
    sealer = WatchedSealer()
    store = directory.store
    signing = SigningKeys(store, sealer, ManualClock(), SeededRandom(5), MINUTE)

    signer = signing.rotate()

    (seed,) = sealer.plains
    with store.reading() as connection:
        row = connection.execute(select(signing_keys).where(signing_keys.c.kid == signer.kid)).one()
    assert seed == signer.key.private_bytes_raw()
    assert seed not in row.sealed
    assert row.sealed.startswith(f"phalanx signing key {signer.kid}".encode())
    assert seed.hex() not in repr(signer)
    assert seed.hex()[:8] not in repr(signer)


def test_two_rows_that_changed_places_do_not_open(tmp_path: Path, clock: ManualClock) -> None:
    with open_directory(tmp_path, clock) as directory:
        directory.signing.rotate()
        with directory.store.change() as change:
            old, new = change.connection.execute(
                select(signing_keys.c.kid, signing_keys.c.sealed).order_by(
                    signing_keys.c.retired_at.is_(None)
                )
            ).all()
            swapped = signing_keys.update().where(signing_keys.c.kid == new.kid)
            change.connection.execute(swapped.values(sealed=old.sealed))

        with pytest.raises(AssertionError):
            SigningKeys(directory.store, MirrorSealer(), clock, SeededRandom(), MINUTE)
