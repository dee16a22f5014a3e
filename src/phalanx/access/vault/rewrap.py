"""The current key wraps every data key anew, batch by batch, while everybody reads and writes.

What is sealed stays as it is, so a batch is short. Then the old key can be retired.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Row,
    Table,
    case,
    cast,
    func,
    select,
    update,
)

from phalanx.access.database import writing
from phalanx.access.tables import credentials, signing_keys, users
from phalanx.access.vault.envelope import KEK_ID_BYTES, WRAPPED_BYTES
from phalanx.access.vault.errors import VaultCode, VaultError
from phalanx.access.vault.keyring import Keyring
from phalanx.access.vault.sql_credentials import record_of, storing

BATCH: Final = 100
FAILURES_SHOWN_MAX: Final = 20

_Values: TypeAlias = Mapping[str, object]
_Row: TypeAlias = Row[*tuple[Any, ...]]


class Rewrapped(msgspec.Struct, frozen=True):
    """How many records the current key wraps now that it did not before, and how many it could not.

    ``failures`` are the first `FAILURES_SHOWN_MAX`, each ``table/key: code``.
    """

    rewrapped: int = 0
    failed: int = 0
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    """A table that keeps sealed things: the key it goes by, the id of each thing's KEK, the columns that
    are read (behind the key), and what is written where the current key wraps them.
    """

    table: Table
    key: ColumnElement[Any]
    kek_id: ColumnElement[str]
    read: tuple[ColumnElement[Any], ...]
    rewrapped: Callable[[Keyring, _Row], _Values]


def _credential(keyring: Keyring, row: _Row) -> _Values:
    sealed = keyring.rewrap_record(*record_of(row))
    return {"kek_id": sealed.kek_id, "wrapped_key": sealed.wrapped_key}


def _blobs(table: Table, key: str, blob: str) -> _Place:
    """The blobs of one column; where there is none, the id of its KEK is NULL."""
    column = table.c[blob]
    kek_id = func.lower(func.hex(func.substr(column, WRAPPED_BYTES + 1, KEK_ID_BYTES)))
    return _Place(
        table,
        table.c[key],
        case((column.is_not(None), kek_id)),
        # SQLite keeps any type in any column; what is no blob is read as one, and does not open.
        (cast(column, LargeBinary),),
        lambda keyring, row: {blob: keyring.rewrap_blob(row[1])},
    )


_PLACES: Final = (
    _Place(
        credentials, credentials.c.login, credentials.c.kek_id, tuple(credentials.c), _credential
    ),
    _blobs(users, "id", "totp"),
    _blobs(signing_keys, "kid", "sealed"),
)


class Rewrapping:
    """Everything that is sealed in a database, credentials, TOTP secrets and signing keys, and a ring."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        self._engine = engine
        self._keyring = keyring

    def run(self, batch: int = BATCH) -> Rewrapped:
        """Have the current key wrap what others wrap; a transaction is ``batch`` records at most.

        What cannot be opened is left as it is and told. Can be run again at any time.
        """
        assert batch > 0
        done = Rewrapped()
        for place in _PLACES:
            after: object = None
            while True:
                with storing(), writing(self._engine) as connection:
                    rows = self._behind(connection, place, after, batch)
                    for row in rows:
                        done = self._rewrap(connection, place, row, done)
                if len(rows) < batch:
                    break
                after = rows[-1].key
        return done

    def in_use(self) -> dict[str, int]:
        """How many sealed things each KEK wraps, by its id."""
        with storing(), self._engine.connect() as connection:
            return _in_use(connection)

    def retire(self, kek_id: str) -> None:
        """Take a key off the ring that nothing needs any more. Raises KEK_IN_USE, KEK_MISSING."""
        # Whoever seals does it under the write lock, so nobody is between sealing and keeping.
        with storing(), writing(self._engine) as connection:
            if count := _in_use(connection).get(kek_id):
                raise VaultError(
                    VaultCode.KEK_IN_USE, f"{count} sealed records still need {kek_id}"
                )
            self._keyring.remove(kek_id)

    def _behind(
        self, connection: Connection, place: _Place, after: object, batch: int
    ) -> list[_Row]:
        """The next records that another key than the current one wraps, each behind its key."""
        query = select(place.key.label("key"), *place.read)
        query = query.where(place.kek_id != self._keyring.current_id)
        if after is not None:
            query = query.where(place.key > after)
        return list(connection.execute(query.order_by(place.key).limit(batch)))

    def _rewrap(
        self, connection: Connection, place: _Place, row: _Row, done: Rewrapped
    ) -> Rewrapped:
        try:
            values = place.rewrapped(self._keyring, row)
        except VaultError as error:
            failure = f"{place.table.name}/{row.key}: {error.code}"
            shown = (*done.failures, failure)[:FAILURES_SHOWN_MAX]
            return Rewrapped(done.rewrapped, done.failed + 1, shown)
        connection.execute(update(place.table).where(place.key == row.key).values(values))
        return msgspec.structs.replace(done, rewrapped=done.rewrapped + 1)


def _in_use(connection: Connection) -> dict[str, int]:
    used: dict[str, int] = {}
    for place in _PLACES:
        counts = select(place.kek_id, func.count()).where(place.kek_id.is_not(None))
        for kek_id, count in connection.execute(counts.group_by(place.kek_id)):
            used[kek_id] = used.get(kek_id, 0) + count
    return used
