"""A new key takes the place of an old one while everybody works, and then the old one is not missed."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Event
from types import SimpleNamespace
from typing import Self

import pytest
from sqlalchemy import Engine, func, insert, select, update

from phalanx.access.database import writing
from phalanx.access.tables import credentials, signing_keys, users
from phalanx.access.vault import rewrap as rewrap_module
from phalanx.access.vault.envelope import Binding, Sealed
from phalanx.access.vault.errors import KekMissing, VaultCode, VaultError
from phalanx.access.vault.keyring import KEKS_MAX, Keyring
from phalanx.access.vault.rewrap import Rewrapped, Rewrapping
from phalanx.access.vault.sql_credentials import CredentialRow, SqlCredentials
from tests.unit.access.vault.rig import RepeatableRandom, kek, revealed, secrets, tampered

OLD, NEW = kek("old"), kek("new")
LOGINS = [f"dealer-{number}" for number in range(7)]


@pytest.fixture
def rewrapping(engine: Engine, keyring: Keyring) -> Rewrapping:
    return Rewrapping(engine, keyring)


def fill(store: SqlCredentials) -> None:
    for login in LOGINS:
        store.put(login, "paper", secrets(password=f"of {login}"), expected=0, by="anna")


def read(store: SqlCredentials, login: str) -> dict[str, str]:
    return revealed(store.read(login, "desk", "session"))


def add_user(engine: Engine, name: str, totp: bytes | None) -> None:
    with writing(engine) as connection:
        connection.execute(
            insert(users).values(
                name=name,
                role="trader",
                password_hash="",
                must_change=False,
                client_ids="[]",
                may_trade=False,
                totp=totp,
                created_at=0,
                changed_at=0,
            )
        )


def add_signing_key(engine: Engine, kid: str, sealed: bytes) -> None:
    with writing(engine) as connection:
        connection.execute(
            insert(signing_keys).values(kid=kid, sealed=sealed, public=bytes(32), created_at=0)
        )


class TestRun:
    @pytest.mark.parametrize("batch", [1, 3, 7, 100])
    def test_the_current_key_wraps_everything_and_the_old_one_can_go(
        self, store: SqlCredentials, keyring: Keyring, rewrapping: Rewrapping, batch: int
    ) -> None:
        fill(store)
        keyring.make_current(NEW)

        assert rewrapping.run(batch) == Rewrapped(rewrapped=len(LOGINS))
        assert rewrapping.in_use() == {NEW.id: len(LOGINS)}
        rewrapping.retire(OLD.id)
        assert keyring.ids == (NEW.id,)
        assert [read(store, login) for login in LOGINS] == [
            {"password": f"of {login}"} for login in LOGINS
        ]

    def test_it_touches_the_wrapped_key_alone(
        self, store: SqlCredentials, keyring: Keyring, rewrapping: Rewrapping
    ) -> None:
        fill(store)
        before = [store._row(login) for login in LOGINS]
        keyring.make_current(NEW)
        rewrapping.run()
        after = [store._row(login) for login in LOGINS]

        changed = {
            name
            for one, other in zip(before, after, strict=True)
            for name in one._fields
            if getattr(one, name) != getattr(other, name)
        }
        assert changed == {"kek_id", "wrapped_key"}

    def test_what_the_current_key_wraps_is_left_alone(
        self, store: SqlCredentials, rewrapping: Rewrapping
    ) -> None:
        fill(store)
        before = [store._row(login) for login in LOGINS]

        assert rewrapping.run() == Rewrapped()
        assert [store._row(login) for login in LOGINS] == before

    def test_signing_keys_and_totp_secrets_are_rewrapped_too(
        self, engine: Engine, keyring: Keyring, rewrapping: Rewrapping
    ) -> None:
        add_user(engine, "anna", keyring.seal(b"totp", b"totp/1"))
        add_user(engine, "bert", None)
        add_signing_key(engine, "k1", keyring.seal(b"private", b"signing/k1"))
        assert rewrapping.in_use() == {OLD.id: 2}
        keyring.make_current(NEW)

        assert rewrapping.run(1) == Rewrapped(rewrapped=2)
        rewrapping.retire(OLD.id)
        with engine.connect() as connection:
            totp = connection.scalars(select(users.c.totp).order_by(users.c.id)).all()
            private = connection.scalar(select(signing_keys.c.sealed))
        assert totp[0] is not None
        assert private is not None
        assert (totp[1], keyring.open(totp[0], b"totp/1")) == (None, b"totp")
        assert keyring.open(private, b"signing/k1") == b"private"

    def test_what_does_not_open_is_told_and_stops_nobody(
        self, engine: Engine, store: SqlCredentials, keyring: Keyring, rewrapping: Rewrapping
    ) -> None:
        fill(store)
        add_signing_key(engine, "k1", b"short")
        add_signing_key(engine, "k2", Keyring(kek("lost"), RepeatableRandom()).seal(b"", b""))
        changed = next(tampered(store._row(LOGINS[2]).wrapped_key))
        with writing(engine) as connection:
            of_login = credentials.c.login == LOGINS[2]
            connection.execute(update(credentials).where(of_login).values(wrapped_key=changed))
            connection.execute(
                update(signing_keys).where(signing_keys.c.kid == "k1").values(sealed=func.abs(-7))
            )
        keyring.make_current(NEW)

        assert rewrapping.run(2) == Rewrapped(
            rewrapped=len(LOGINS) - 1,
            failed=3,
            failures=(
                f"credentials/{LOGINS[2]}: CANNOT_UNSEAL",
                "signing_keys/k1: CANNOT_UNSEAL",
                "signing_keys/k2: KEK_MISSING",
            ),
        )
        assert read(store, LOGINS[3]) == {"password": f"of {LOGINS[3]}"}

    def test_only_the_first_failures_are_told_and_all_are_counted(
        self,
        store: SqlCredentials,
        rewrapping: Rewrapping,
        keyring: Keyring,
        engine: Engine,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(rewrap_module, "FAILURES_SHOWN_MAX", 2)
        fill(store)
        lost = Rewrapping(engine, Keyring(NEW, RepeatableRandom()))
        done = lost.run(3)

        assert (done.rewrapped, done.failed, len(done.failures)) == (0, len(LOGINS), 2)
        assert rewrapping.in_use() == {OLD.id: len(LOGINS)}

    def test_a_batch_is_a_transaction(
        self, store: SqlCredentials, keyring: Keyring, rewrapping: Rewrapping
    ) -> None:
        """It stops in the middle of the third batch, so two are done; then it can go on."""
        fill(store)
        keyring.make_current(NEW)
        rewrap_record, count = keyring.rewrap_record, iter(range(6))

        def stops(sealed: Sealed, binding: Binding) -> Sealed:
            if next(count) == 5:
                raise KeyboardInterrupt
            return rewrap_record(sealed, binding)

        keyring.rewrap_record = stops  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            rewrapping.run(2)
        assert rewrapping.in_use() == {NEW.id: 4, OLD.id: 3}

        keyring.rewrap_record = rewrap_record  # type: ignore[method-assign]
        assert rewrapping.run(2) == Rewrapped(rewrapped=3)


class TestRetire:
    def test_a_key_that_is_needed_stays(
        self, store: SqlCredentials, keyring: Keyring, rewrapping: Rewrapping
    ) -> None:
        fill(store)
        keyring.make_current(NEW)

        with pytest.raises(VaultError, match=f"{len(LOGINS)} sealed records") as caught:
            rewrapping.retire(OLD.id)
        assert caught.value.code == VaultCode.KEK_IN_USE
        assert keyring.ids == (NEW.id, OLD.id)

    def test_a_key_that_only_a_totp_secret_needs_stays(
        self, engine: Engine, keyring: Keyring, rewrapping: Rewrapping
    ) -> None:
        add_user(engine, "anna", keyring.seal(b"totp", b""))
        keyring.make_current(NEW)

        with pytest.raises(VaultError, match="KEK_IN_USE"):
            rewrapping.retire(OLD.id)

    def test_the_current_key_stays_though_nothing_needs_it(
        self, keyring: Keyring, rewrapping: Rewrapping
    ) -> None:
        with pytest.raises(VaultError, match="KEK_IN_USE"):
            rewrapping.retire(OLD.id)

        assert keyring.ids == (OLD.id,)

    def test_a_key_that_is_not_here_is_named(self, rewrapping: Rewrapping) -> None:
        with pytest.raises(KekMissing, match=NEW.id):
            rewrapping.retire(NEW.id)


def is_write_locked(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


class TestNobodyFails:
    def test_a_read_goes_on_when_its_key_is_retired_in_the_middle_of_it(
        self,
        store: SqlCredentials,
        keyring: Keyring,
        rewrapping: Rewrapping,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        fill(store)
        row_of = store._row
        rows = []

        def then_it_is_rotated(login: str) -> CredentialRow:
            rows.append(row_of(login))
            if len(rows) == 1:
                keyring.make_current(NEW)
                rewrapping.run()
                rewrapping.retire(OLD.id)
            return rows[-1]

        monkeypatch.setattr(store, "_row", then_it_is_rotated)

        assert read(store, LOGINS[0]) == {"password": f"of {LOGINS[0]}"}
        assert [row.kek_id for row in rows] == [OLD.id, NEW.id]

    def test_a_key_that_is_missing_still_is_told_at_the_second_look(
        self, store: SqlCredentials, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(store)
        row_of = store._row
        looks = []

        def watched(login: str) -> CredentialRow:
            looks.append(login)
            return row_of(login)

        monkeypatch.setattr(store, "_row", watched)
        monkeypatch.setattr(store, "_keyring", Keyring(NEW, RepeatableRandom()))

        with pytest.raises(KekMissing, match=OLD.id):
            read(store, LOGINS[0])
        assert looks == [LOGINS[0]] * 2

    def test_a_read_gives_up_when_its_key_changes_for_ever(
        self, store: SqlCredentials, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(store)
        row = dict(store._row(LOGINS[0])._mapping)
        ids = [kek(f"lost {number}").id for number in range(100)]
        left = iter(ids)
        monkeypatch.setattr(
            store, "_row", lambda _: SimpleNamespace(**(row | {"kek_id": next(left)}))
        )

        with pytest.raises(KekMissing) as caught:
            read(store, LOGINS[0])
        assert caught.value.kek_id == ids[KEKS_MAX - 1]

    def test_who_seals_or_retires_holds_the_write_lock(
        self,
        store: SqlCredentials,
        keyring: Keyring,
        rewrapping: Rewrapping,
        database: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """So no key is retired between the sealing of a record and its commit."""
        locked = []

        def watched(name: str) -> None:
            method: Callable[..., object] = getattr(keyring, name)

            def watch(*arguments: object) -> object:
                locked.append((name, is_write_locked(database)))
                return method(*arguments)

            monkeypatch.setattr(keyring, name, watch)

        watched("seal_record")
        watched("remove")
        store.put(LOGINS[0], "paper", secrets(password="x"), expected=0, by="anna")
        keyring.make_current(NEW)
        rewrapping.run()
        rewrapping.retire(OLD.id)

        assert locked == [("seal_record", True), ("remove", True)]
        assert not is_write_locked(database)

    def test_readers_and_a_writer_go_on_while_keys_are_rotated(
        self, store: SqlCredentials, keyring: Keyring, rewrapping: Rewrapping
    ) -> None:
        fill(store)
        with Traffic(store, readers=3) as traffic:
            for number in range(6):
                old = keyring.current_id
                keyring.make_current(kek(f"round {number}"))
                assert rewrapping.run(2).failed == 0
                rewrapping.retire(old)

        assert min(traffic.counts) >= len(LOGINS)
        assert keyring.ids == (kek("round 5").id,)
        assert rewrapping.in_use() == {keyring.current_id: len(LOGINS)}
        assert read(store, LOGINS[0])["version"] == str(WRITES)


WRITES = 12


class Traffic:
    """Readers who go on until it is left, and a writer; what fails in one of them fails the test."""

    def __init__(self, store: SqlCredentials, readers: int) -> None:
        self._store = store
        self._begun = Barrier(readers + 2, timeout=60)
        self._over = Event()
        self._pool = ThreadPoolExecutor(readers + 1)
        self._working = [self._pool.submit(self._read, number) for number in range(readers)]
        self._working.append(self._pool.submit(self._write))
        self.counts: list[int] = []

    def __enter__(self) -> Self:
        self._begun.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        self.counts = [work.result() for work in self._working]

    def _read(self, number: int) -> int:
        self._begun.wait()
        count = 0
        while not self._over.is_set() or count < len(LOGINS):
            login = LOGINS[(number + count) % len(LOGINS)]
            assert read(self._store, login)["password"] == f"of {login}"
            count += 1
        return count

    def _write(self) -> int:
        self._begun.wait()
        login = LOGINS[0]
        for version in range(1, WRITES + 1):
            fields = secrets(password=f"of {login}", version=str(version))
            self._store.put(login, "paper", fields, expected=version, by="anna")
        return WRITES
