"""Credentials are kept sealed, one version at a time, and every read of them is told first."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from phalanx.access.vault import credentials as bounds
from phalanx.access.vault.credentials import Credential, CredentialStore
from phalanx.access.vault.envelope import Binding, Sealed
from phalanx.access.vault.errors import KekMissing, VaultCode, VaultError
from phalanx.access.vault.keyring import Keyring
from phalanx.access.vault.sql_credentials import SqlCredentials
from phalanx.domain.secrets import Secret
from tests.fakes.clock import START, ManualClock
from tests.unit.access.vault.rig import (
    AuditTrail,
    RepeatableRandom,
    kek,
    revealed,
    secrets,
    tampered,
)

WHY = "session at start"
FIELDS = secrets(api_key="key-1", password="pass-1")


@contextmanager
def refused(code: VaultCode) -> Iterator[None]:
    with pytest.raises(VaultError) as caught:
        yield
    assert caught.value.code == code


def read(store: CredentialStore, login: str = "dealer-1") -> dict[str, str]:
    return revealed(store.read(login, "desk", WHY))


def put(
    store: CredentialStore,
    login: str = "dealer-1",
    fields: Mapping[str, Secret] = FIELDS,
    *,
    expected: int = 0,
) -> Credential:
    return store.put(login, "paper", fields, expected=expected, by="anna")


@pytest.fixture
def raw(database: Path, engine: Engine) -> Iterator[sqlite3.Connection]:
    """The database behind the store's back."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        yield connection


class TestKeeping:
    def test_what_is_put_is_read(self, store: SqlCredentials) -> None:
        put(store)

        assert read(store) == {"api_key": "key-1", "password": "pass-1"}

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=500),
            min_size=1,
            max_size=20,
        )
    )
    def test_any_fields_come_back_as_they_were(
        self, store: SqlCredentials, fields: dict[str, str]
    ) -> None:
        version = next((kept.version for kept in store.list()), 0)
        put(store, fields=secrets(**fields), expected=version)

        assert read(store) == fields

    def test_the_largest_credential_is_kept(self, store: SqlCredentials) -> None:
        names = [f"field_{number:02}".ljust(40, "x") for number in range(bounds.FIELDS_MAX)]
        fields = dict.fromkeys(names, "\0" * bounds.VALUE_BYTES_MAX)
        put(store, fields=secrets(**fields))

        assert read(store) == fields

    def test_the_list_shows_what_may_be_shown(
        self, store: SqlCredentials, keyring: Keyring, clock: ManualClock
    ) -> None:
        put(store, "dealer-2")
        clock.advance(5)
        put(store, "dealer-1")

        assert store.list() == (
            Credential("dealer-1", "paper", 1, keyring.current_id, "anna", START + 5),
            Credential("dealer-2", "paper", 1, keyring.current_id, "anna", START),
        )

    def test_what_is_put_is_answered_as_it_is_listed(self, store: SqlCredentials) -> None:
        first = put(store)
        assert store.list() == (first,)

        second = store.put("dealer-1", "other", FIELDS, expected=1, by="bert")
        assert store.list() == (second,)
        assert (second.version, second.broker, second.created_by) == (2, "other", "bert")

    def test_it_is_there_when_the_database_is_opened_again(
        self, store: SqlCredentials, engine: Engine, clock: ManualClock, audit: AuditTrail
    ) -> None:
        put(store)
        engine.dispose()
        again = SqlCredentials(engine, Keyring(kek("old"), RepeatableRandom()), clock, audit)

        assert read(again) == revealed(FIELDS)

    def test_what_is_forgotten_is_gone(self, store: SqlCredentials) -> None:
        put(store)
        put(store, "dealer-2")
        store.forget("dealer-1")

        assert [kept.login for kept in store.list()] == ["dealer-2"]
        with refused(VaultCode.NO_CREDENTIAL):
            read(store)
        assert put(store).version == 1

    @pytest.mark.parametrize("login", ["nobody", "", "x" * 65, "\ud800"])
    def test_a_login_without_credentials_has_none(self, store: SqlCredentials, login: str) -> None:
        with refused(VaultCode.NO_CREDENTIAL):
            read(store, login)
        with refused(VaultCode.NO_CREDENTIAL):
            store.forget(login)


class TestVersions:
    def test_a_new_version_takes_the_place_of_the_one_before(
        self, store: SqlCredentials, raw: sqlite3.Connection
    ) -> None:
        put(store)
        assert put(store, fields=secrets(api_key="key-2"), expected=1).version == 2

        assert read(store) == {"api_key": "key-2"}
        assert raw.execute("SELECT count(*) FROM credentials").fetchone() == (1,)

    @pytest.mark.parametrize("expected", [-1, 0, 1, 3])
    def test_who_thinks_of_another_version_changes_nothing(
        self, store: SqlCredentials, expected: int
    ) -> None:
        put(store)
        put(store, expected=1)
        with refused(VaultCode.VERSION_CONFLICT):
            put(store, fields=secrets(api_key="late"), expected=expected)

        assert read(store) == revealed(FIELDS)

    def test_there_is_no_later_version_of_nothing(self, store: SqlCredentials) -> None:
        with refused(VaultCode.VERSION_CONFLICT):
            put(store, expected=1)

        assert store.list() == ()


class TestBounds:
    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {f"field{number}": "" for number in range(21)},
            {"": "value"},
            {"n" * 41: "value"},
            {"API_KEY": "value"},
            {"api-key": "value"},
            {"2fa": "value"},
            {"clé": "value"},
            {"key\n": "value"},
            {"\ud800": "value"},
            {"name": "x" * 4097},
            {"name": "é" * 2049},
            {"name": "\ud800"},
        ],
        ids=range(13),
    )
    def test_fields_out_of_bounds_are_refused(
        self, store: SqlCredentials, fields: dict[str, str]
    ) -> None:
        with refused(VaultCode.INVALID_CREDENTIAL):
            put(store, fields=secrets(**fields))

        assert store.list() == ()

    @pytest.mark.parametrize("name", ["", "x" * 65, "\ud800"])
    @pytest.mark.parametrize("place", range(3))
    def test_names_out_of_bounds_are_refused(
        self, store: SqlCredentials, place: int, name: str
    ) -> None:
        names = ["dealer-1", "paper", "anna"]
        names[place] = name
        login, broker, by = names
        with refused(VaultCode.INVALID_CREDENTIAL):
            store.put(login, broker, FIELDS, expected=0, by=by)

    def test_so_many_logins_have_credentials_and_no_more(
        self, store: SqlCredentials, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("phalanx.access.vault.sql_credentials.CREDENTIALS_MAX", 2)
        put(store, "dealer-1")
        put(store, "dealer-2")
        with refused(VaultCode.TOO_MANY_CREDENTIALS):
            put(store, "dealer-3")

        assert put(store, "dealer-2", expected=1).version == 2
        assert len(store.list()) == 2


class TestAudit:
    def test_every_read_is_told(self, store: SqlCredentials, audit: AuditTrail) -> None:
        put(store)
        put(store, "dealer-2")
        store.list()
        assert audit == []

        store.read("dealer-1", "desk", WHY)
        store.read("dealer-2", "anna", "to look")
        assert audit == [("desk", "dealer-1", WHY), ("anna", "dealer-2", "to look")]

    def test_a_read_that_finds_nothing_is_told_too(
        self, store: SqlCredentials, audit: AuditTrail
    ) -> None:
        with refused(VaultCode.NO_CREDENTIAL):
            store.read("nobody", "desk", WHY)

        assert audit == [("desk", "nobody", WHY)]

    def test_it_is_told_before_anything_is_opened(
        self, engine: Engine, keyring: Keyring, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps = []
        open_record = keyring.open_record

        def opened(sealed: Sealed, binding: Binding) -> bytes:
            steps.append("open")
            return open_record(sealed, binding)

        monkeypatch.setattr(keyring, "open_record", opened)
        store = SqlCredentials(engine, keyring, clock, lambda *told: steps.append("told"))
        put(store)
        read(store)

        assert steps == ["told", "open"]

    def test_nothing_is_given_or_opened_when_it_cannot_be_told(
        self,
        store: SqlCredentials,
        audit: AuditTrail,
        keyring: Keyring,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        put(store)
        opened: list[object] = []
        monkeypatch.setattr(keyring, "open_record", lambda *record: opened.append(record))
        audit.refuse = RuntimeError("the journal is closed")

        with pytest.raises(RuntimeError, match="the journal is closed"):
            store.read("dealer-1", "desk", WHY)
        assert opened == []

    @pytest.mark.parametrize(
        ("reader", "why"),
        [("", WHY), ("desk", ""), ("x" * 201, WHY), ("desk", "x" * 201), ("\ud800", WHY)],
    )
    def test_who_does_not_say_who_and_why_is_given_nothing(
        self, store: SqlCredentials, audit: AuditTrail, reader: str, why: str
    ) -> None:
        put(store)
        with refused(VaultCode.READ_NOT_EXPLAINED):
            store.read("dealer-1", reader, why)

        assert audit == []


SEALED_COLUMNS = ("wrapped_key", "nonce", "sealed")


class TestBehindItsBack:
    """Somebody writes into the file."""

    @pytest.mark.parametrize("column", SEALED_COLUMNS)
    def test_no_byte_can_be_changed(
        self, store: SqlCredentials, raw: sqlite3.Connection, column: str
    ) -> None:
        put(store)
        (whole,) = raw.execute(f"SELECT {column} FROM credentials").fetchone()
        raw.execute("PRAGMA synchronous = OFF")
        for changed in tampered(whole):
            raw.execute(f"UPDATE credentials SET {column} = ?", [changed])
            with refused(VaultCode.CANNOT_UNSEAL):
                read(store)

        raw.execute(f"UPDATE credentials SET {column} = ?", [whole])
        assert read(store) == revealed(FIELDS)

    @pytest.mark.parametrize("column", ["kek_id", *SEALED_COLUMNS])
    @pytest.mark.parametrize("value", [b"", b"x", "text", "", 7, 1.5, "é"], ids=repr)
    def test_a_value_that_cannot_be_does_not_open(
        self, store: SqlCredentials, raw: sqlite3.Connection, column: str, value: object
    ) -> None:
        put(store)
        raw.execute(f"UPDATE credentials SET {column} = ?", [value])

        with refused(VaultCode.CANNOT_UNSEAL):
            read(store)

    @pytest.mark.parametrize(
        "columns",
        [SEALED_COLUMNS, ("sealed",), ("nonce", "sealed"), ("wrapped_key",)],
        ids="+".join,
    )
    def test_two_ciphertexts_cannot_be_swapped(
        self, store: SqlCredentials, raw: sqlite3.Connection, columns: tuple[str, ...]
    ) -> None:
        put(store, "dealer-1")
        put(store, "dealer-2")
        query = f"SELECT {', '.join(columns)} FROM credentials ORDER BY login"
        one, other = raw.execute(query).fetchall()
        change = f"UPDATE credentials SET {', '.join(f'{c} = ?' for c in columns)} WHERE login = ?"
        raw.execute(change, [*other, "dealer-1"])
        raw.execute(change, [*one, "dealer-2"])

        for login in ("dealer-1", "dealer-2"):
            with refused(VaultCode.CANNOT_UNSEAL):
                read(store, login)

    @pytest.mark.parametrize(
        "change",
        [
            "login = 'dealer-2'",
            "broker = 'mine'",
            "broker = x'00'",
            "version = 2",
            "version = 'x'",
            "version = 1.5",
        ],
    )
    def test_a_row_cannot_be_made_that_of_another(
        self, store: SqlCredentials, raw: sqlite3.Connection, change: str
    ) -> None:
        put(store)
        raw.execute(f"UPDATE credentials SET {change}")
        (login,) = raw.execute("SELECT login FROM credentials").fetchone()

        with refused(VaultCode.CANNOT_UNSEAL):
            read(store, login)

    def test_an_older_version_does_not_open_as_the_newer_one(
        self, store: SqlCredentials, raw: sqlite3.Connection
    ) -> None:
        put(store)
        before = raw.execute("SELECT wrapped_key, nonce, sealed FROM credentials").fetchone()
        put(store, fields=secrets(api_key="key-2"), expected=1)
        raw.execute("UPDATE credentials SET wrapped_key = ?, nonce = ?, sealed = ?", before)

        with refused(VaultCode.CANNOT_UNSEAL):
            read(store)

    def test_the_key_that_is_missing_is_named(
        self, store: SqlCredentials, raw: sqlite3.Connection
    ) -> None:
        put(store)
        raw.execute("UPDATE credentials SET kek_id = ?", [kek("lost").id])

        with pytest.raises(KekMissing, match=kek("lost").id) as caught:
            read(store)
        assert caught.value.code == VaultCode.KEK_MISSING

    def test_a_table_that_is_not_there_is_told_with_a_code(
        self, store: SqlCredentials, raw: sqlite3.Connection
    ) -> None:
        raw.execute("DROP TABLE credentials")
        asks: list[Callable[[], object]] = [
            store.list,
            lambda: read(store),
            lambda: put(store),
            lambda: store.forget("dealer-1"),
        ]
        for ask in asks:
            with refused(VaultCode.STORE_FAILED):
                ask()


class TestOverwriting:
    """What was kept before is not left in the file."""

    def kept(self, engine: Engine, database: Path, parts: list[bytes]) -> list[bool]:
        """Which of these parts are in the file when all is written into it."""
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).all()
        content = database.read_bytes()
        return [part in content for part in parts]

    def parts(self, engine: Engine) -> list[bytes]:
        with engine.connect() as connection:
            row = connection.execute(
                text("SELECT wrapped_key, nonce, sealed FROM credentials")
            ).one()
        return list(row)

    def test_a_version_that_was_replaced_is_overwritten(
        self, store: SqlCredentials, engine: Engine, database: Path
    ) -> None:
        put(store, fields=secrets(api_key="k" * 300))
        before = self.parts(engine)
        assert self.kept(engine, database, before) == [True] * 3
        put(store, expected=1)

        assert self.kept(engine, database, before) == [False] * 3
        assert self.kept(engine, database, self.parts(engine)) == [True] * 3

    def test_what_is_forgotten_is_overwritten(
        self, store: SqlCredentials, engine: Engine, database: Path
    ) -> None:
        put(store)
        before = self.parts(engine)
        assert self.kept(engine, database, before) == [True] * 3
        store.forget("dealer-1")

        assert self.kept(engine, database, before) == [False] * 3
