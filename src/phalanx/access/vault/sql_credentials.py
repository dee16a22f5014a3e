"""Credentials in `access.db`: one row a login, overwritten by its next version.

The database has ``secure_delete`` on, so the bytes of a version that was replaced or forgotten are
overwritten in the file too. (The write-ahead log keeps them, sealed as they are, until it is written over.)
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from phalanx.access.database import writing
from phalanx.access.tables import credentials
from phalanx.access.vault.credentials import (
    CREDENTIALS_MAX,
    Audit,
    Credential,
    check_fields,
    check_read,
    is_name,
    no_credential,
)
from phalanx.access.vault.envelope import Binding, Sealed, record_binding
from phalanx.access.vault.errors import KekMissing, VaultCode, VaultError, cannot_unseal
from phalanx.access.vault.keyring import KEKS_MAX, Keyring
from phalanx.domain.secrets import Secret
from phalanx.domain.time import Clock

CredentialRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row of `credentials`."""

_PURPOSE: Final = "credential"
_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(dict[str, str]).decode


class SqlCredentials:
    """The credential store of a database and a keyring; implements `CredentialStore`."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, audit: Audit) -> None:
        self._engine = engine
        self._keyring = keyring
        self._clock = clock
        self._audit = audit

    def put(
        self, login: str, broker: str, fields: Mapping[str, Secret], *, expected: int, by: str
    ) -> Credential:
        """As `CredentialStore.put`."""
        check_fields(login, broker, fields, by)
        with storing(), writing(self._engine) as connection:
            _check_version(connection, login, expected)
            version = expected + 1
            # Sealed under the write lock: a key that is retired meanwhile cannot be the one used here.
            sealed = self._keyring.seal_record(_packed(fields), _binding(login, broker, version))
            written = Credential(login, broker, version, sealed.kek_id, by, self._clock.now())
            values = msgspec.structs.asdict(written) | msgspec.structs.asdict(sealed)
            if expected:
                of_login = credentials.c.login == login
                connection.execute(update(credentials).where(of_login).values(values))
            else:
                connection.execute(insert(credentials).values(values))
        return written

    def read(self, login: str, reader: str, why: str) -> Mapping[str, Secret]:
        """As `CredentialStore.read`."""
        check_read(login, reader, why)
        self._audit(reader, login, why)
        missing: KekMissing | None = None
        for _ in range(KEKS_MAX):
            row = self._row(login)
            if missing is not None and missing.kek_id == row.kek_id:
                break
            try:
                return self._opened(row)
            except KekMissing as error:
                # It may have been rewrapped, and its old key retired, since the row was read.
                missing = error
        assert missing is not None
        raise missing

    def forget(self, login: str) -> None:
        """As `CredentialStore.forget`."""
        if not is_name(login):
            raise no_credential()
        with storing(), writing(self._engine) as connection:
            found = connection.execute(delete(credentials).where(credentials.c.login == login))
            if found.rowcount == 0:
                raise no_credential()

    def list(self) -> tuple[Credential, ...]:
        """As `CredentialStore.list`."""
        shown = [credentials.c[name] for name in Credential.__struct_fields__]
        query = select(*shown).order_by(credentials.c.login).limit(CREDENTIALS_MAX)
        with storing(), self._engine.connect() as connection:
            return tuple(Credential(*row) for row in connection.execute(query))

    def _row(self, login: str) -> CredentialRow:
        with storing(), self._engine.connect() as connection:
            row = connection.execute(
                select(credentials).where(credentials.c.login == login)
            ).one_or_none()
        if row is None:
            raise no_credential()
        return row

    def _opened(self, row: CredentialRow) -> Mapping[str, Secret]:
        fields = _fields(self._keyring.open_record(*record_of(row)))
        if fields is None:
            raise cannot_unseal()
        return fields


@contextmanager
def storing() -> Iterator[None]:
    """What the database refuses is STORE_FAILED; SQLAlchemy's own words may hold what was written."""
    try:
        yield
    except SQLAlchemyError as error:
        why = type(error).__name__
        raise VaultError(VaultCode.STORE_FAILED, f"access.db could not be used: {why}") from None


def record_of(row: CredentialRow) -> tuple[Sealed, Binding]:
    """The sealed parts of a row and what they belong to. Raises CANNOT_UNSEAL.

    SQLite keeps any type in any column, and somebody else may have written into the file.
    """
    texts = (row.login, row.broker, row.kek_id)
    parts = (row.wrapped_key, row.nonce, row.sealed)
    if not all(isinstance(text, str) for text in texts) or not all(
        isinstance(part, bytes) for part in parts
    ):
        raise cannot_unseal()
    return Sealed(row.kek_id, *parts), _binding(row.login, row.broker, row.version)


def _binding(login: str, broker: str, version: int) -> Binding:
    return record_binding(_PURPOSE, (login, broker), version)


def _check_version(connection: Connection, login: str, expected: int) -> None:
    """Raises VERSION_CONFLICT, and TOO_MANY_CREDENTIALS where this would be one more."""
    of_login = select(credentials.c.version).where(credentials.c.login == login)
    found = connection.scalar(of_login) or 0
    if found != expected:
        raise VaultError(
            VaultCode.VERSION_CONFLICT,
            f"the credential of {login!r} is at version {found}, not {expected}",
        )
    count = connection.scalar(select(func.count()).select_from(credentials)) or 0
    if not found and count >= CREDENTIALS_MAX:
        raise VaultError(
            VaultCode.TOO_MANY_CREDENTIALS, f"{CREDENTIALS_MAX} logins have credentials"
        )


# Plaintexts live in the functions below, and these raise nothing: a traceback that shows the local names
# of its frames shows none of them.


def _packed(fields: Mapping[str, Secret]) -> bytes:
    return _pack({name: secret.reveal() for name, secret in fields.items()})


def _fields(plain: bytes) -> dict[str, Secret] | None:
    try:
        return {name: Secret(value) for name, value in _unpack(plain).items()}
    except msgspec.DecodeError:
        return None
