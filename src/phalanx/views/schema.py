"""The tables of ``views.db``, and how the file is opened, judged and dropped.

Prices, quantities and amounts are Fixed integers (1e-8), times UTC nanoseconds, enums their numbers.
Every row made by an event has a ``key``: ``seq << KEY_BITS | place`` within the event, so that keys
grow with time, need no counter, and are the same however often the views are rebuilt. The key of an
instruction, a fill, a kill or an act is the seq itself.
"""

from enum import IntEnum
from pathlib import Path
from typing import Final

import apsw

SCHEMA_VERSION: Final = 6
APPLICATION_ID: Final = 0x50484C56  # "PHLV"
BUSY_TIMEOUT_MS: Final = 2_000
CACHE_KIB: Final = 32 * 1024

KEY_BITS: Final = 20
PLACES: Final = 1 << KEY_BITS
"""How many rows one event can make: 20,000 orders, their log and their skips fit many times."""

UNREADABLE: Final = (apsw.NotADBError, apsw.CorruptError)
"""What SQLite says about a file that is not, or no longer, a database."""


class Subject(IntEnum):
    """What ``totals`` counts by; ``value`` is the account, the status and so on (ALL, OPEN: 0)."""

    ALL = 0
    ACCOUNT = 1
    INSTRUMENT = 2
    STRATEGY = 3
    STATUS = 4
    OPEN = 5
    KIND = 6
    INSTRUCTION_STATUS = 7
    TRADE_STATUS = 8


TABLES: Final = """
-- How far the journal is projected, and the last record: another one there means another journal.
CREATE TABLE cursor (
  id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL,
  record_first_seq INTEGER NOT NULL, record_crc32 INTEGER NOT NULL
) STRICT;

CREATE TABLE clients (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, active INTEGER NOT NULL,
  created_at_ns INTEGER NOT NULL, updated_at_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
  id TEXT PRIMARY KEY, client_id INTEGER NOT NULL, broker TEXT NOT NULL, login TEXT NOT NULL,
  mode INTEGER NOT NULL, enabled INTEGER NOT NULL, is_primary INTEGER NOT NULL,
  currency TEXT NOT NULL, charge_bps INTEGER NOT NULL, reserve INTEGER NOT NULL,
  updated_at_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX accounts_client ON accounts (client_id);

CREATE TABLE instruments (
  key TEXT PRIMARY KEY, symbol TEXT NOT NULL, isin TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE kills (
  key INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, lifted INTEGER NOT NULL,
  level TEXT NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL, door TEXT NOT NULL,
  request_id TEXT NOT NULL, note TEXT NOT NULL
) STRICT;

-- Each time a break is filed; one that comes back after its end is a row of its own. ``ending``: how it
-- ended, empty while it is open.
CREATE TABLE breaks (
  key INTEGER PRIMARY KEY, ended_at_ns INTEGER NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL,
  client_id INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
  filed_at_ns INTEGER NOT NULL, ours TEXT NOT NULL, theirs TEXT NOT NULL, reason TEXT NOT NULL,
  deadline_ns INTEGER NOT NULL, owner TEXT NOT NULL, note TEXT NOT NULL, ending TEXT NOT NULL,
  closed_by TEXT NOT NULL, closing_note TEXT NOT NULL, updated_at_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX breaks_id ON breaks (id);
CREATE INDEX breaks_account ON breaks (account);
CREATE INDEX breaks_open ON breaks (key) WHERE ended_at_ns = 0;

-- What loosens a bound, asked for while two persons are needed. ``details``: a JSON array of sentences.
CREATE TABLE changes (
  key INTEGER PRIMARY KEY, ended_at_ns INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
  actor TEXT NOT NULL, door TEXT NOT NULL, request_id TEXT NOT NULL, details TEXT NOT NULL,
  asked_at_ns INTEGER NOT NULL, expires_at_ns INTEGER NOT NULL, status TEXT NOT NULL,
  decided_by TEXT NOT NULL, decision_note TEXT NOT NULL, refusal TEXT NOT NULL,
  refusal_text TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX changes_id ON changes (id);
CREATE INDEX changes_open ON changes (key) WHERE ended_at_ns = 0;

CREATE TABLE instructions (
  key INTEGER PRIMARY KEY, ended_at_ns INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
  actor TEXT NOT NULL, door TEXT NOT NULL, request_id TEXT NOT NULL, note TEXT NOT NULL, request TEXT NOT NULL,
  parent TEXT NOT NULL, follow_up TEXT NOT NULL, fire_at_ns INTEGER NOT NULL, plan_seq INTEGER NOT NULL,
  refusal_code TEXT NOT NULL, refusal_text TEXT NOT NULL, planned_at_ns INTEGER NOT NULL,
  expires_at_ns INTEGER NOT NULL, received_ns INTEGER NOT NULL, skips INTEGER NOT NULL,
  cancels INTEGER NOT NULL,
  status INTEGER NOT NULL, orders INTEGER NOT NULL, open_orders INTEGER NOT NULL,
  watched INTEGER NOT NULL, filled INTEGER NOT NULL, canceled INTEGER NOT NULL,
  rejected INTEGER NOT NULL, expired INTEGER NOT NULL, not_received INTEGER NOT NULL,
  in_doubt INTEGER NOT NULL, undo_until_ns INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX instructions_id ON instructions (id);
CREATE INDEX instructions_status ON instructions (status);
CREATE INDEX instructions_kind ON instructions (kind);
-- Of one that was held the plan is a later event than its key says.
CREATE INDEX instructions_held ON instructions (plan_seq) WHERE fire_at_ns > 0;

-- What waits, or waited, for another person's approval; the key is the instruction's. ``decision``: how
-- that ended, empty while it waits.
CREATE TABLE approvals (
  key INTEGER PRIMARY KEY, ended_at_ns INTEGER NOT NULL, asked_at_ns INTEGER NOT NULL,
  approve_by_ns INTEGER NOT NULL, reason_code TEXT NOT NULL, reason_text TEXT NOT NULL,
  decision TEXT NOT NULL, actor TEXT NOT NULL, door TEXT NOT NULL, note TEXT NOT NULL
) STRICT;
CREATE INDEX approvals_waiting ON approvals (key) WHERE ended_at_ns = 0;

-- The skips of an instruction are the keys between its plan's seq and the next: no index is needed.
CREATE TABLE skips (
  key INTEGER PRIMARY KEY, account TEXT NOT NULL, client_id INTEGER,
  reason_code TEXT NOT NULL, reason_text TEXT NOT NULL, instrument TEXT NOT NULL,
  row INTEGER NOT NULL
) STRICT;

CREATE TABLE orders (
  key INTEGER PRIMARY KEY, ended_at_ns INTEGER NOT NULL, cl_ord_id TEXT NOT NULL,
  instruction_key INTEGER NOT NULL, account TEXT NOT NULL, mode INTEGER NOT NULL, client_id INTEGER NOT NULL,
  instrument TEXT NOT NULL, side INTEGER NOT NULL, product INTEGER NOT NULL,
  ord_type INTEGER NOT NULL, time_in_force INTEGER NOT NULL, order_quantity INTEGER NOT NULL,
  stop_price INTEGER NOT NULL, hold INTEGER NOT NULL, strategy TEXT, closes TEXT NOT NULL,
  reduce_only INTEGER NOT NULL, row INTEGER NOT NULL, placed_at_ns INTEGER NOT NULL,
  quantity INTEGER NOT NULL, limit_price INTEGER NOT NULL, status INTEGER NOT NULL,
  is_open INTEGER NOT NULL, cum_quantity INTEGER NOT NULL, filled_value INTEGER NOT NULL,
  charges INTEGER NOT NULL, order_id TEXT NOT NULL, flag TEXT NOT NULL,
  reason_code TEXT NOT NULL, reason_text TEXT NOT NULL, text TEXT NOT NULL,
  request_key INTEGER, over_key INTEGER, closed_by INTEGER, received_ns INTEGER NOT NULL,
  planned_ns INTEGER NOT NULL, held_ns INTEGER NOT NULL, committed_ns INTEGER NOT NULL,
  waited_ns INTEGER NOT NULL, sent_ns INTEGER NOT NULL, acknowledged_ns INTEGER NOT NULL,
  acknowledged_at_ns INTEGER NOT NULL, first_fill_at_ns INTEGER NOT NULL,
  updated_at_ns INTEGER NOT NULL, lot TEXT NOT NULL
) STRICT;
-- What belongs to a client is found by its accounts: one more index over as many values would put
-- another page into the log for nearly every order.
CREATE UNIQUE INDEX orders_cl_ord_id ON orders (cl_ord_id);
CREATE INDEX orders_account ON orders (account);
CREATE INDEX orders_instrument ON orders (instrument);
CREATE INDEX orders_strategy ON orders (strategy) WHERE strategy IS NOT NULL;
CREATE INDEX orders_instruction ON orders (instruction_key);
CREATE INDEX orders_lot ON orders (lot) WHERE lot <> '';
-- An open order is in one of these two and an ended one in the other: one move in its life.
CREATE INDEX orders_open ON orders (key) WHERE is_open = 1;
CREATE INDEX orders_status ON orders (status) WHERE is_open = 0;

CREATE TABLE fills (
  key INTEGER PRIMARY KEY, order_key INTEGER NOT NULL, exec_id TEXT NOT NULL,
  quantity INTEGER NOT NULL, price INTEGER NOT NULL, charges INTEGER NOT NULL,
  time_ns INTEGER NOT NULL, booked_at_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX fills_order ON fills (order_key);

CREATE TABLE requests (
  key INTEGER PRIMARY KEY, ended_at_ns INTEGER NOT NULL, id TEXT NOT NULL,
  order_key INTEGER NOT NULL,
  instruction_key INTEGER, kind INTEGER NOT NULL, actor TEXT NOT NULL, door TEXT NOT NULL,
  quantity INTEGER NOT NULL, limit_price INTEGER NOT NULL, requested_at_ns INTEGER NOT NULL,
  status INTEGER NOT NULL, dispatched_at_ns INTEGER NOT NULL,
  reason_code TEXT NOT NULL, reason_text TEXT NOT NULL
) STRICT;
CREATE INDEX requests_order ON requests (order_key);
CREATE INDEX requests_instruction ON requests (instruction_key) WHERE instruction_key IS NOT NULL;
CREATE INDEX requests_pending ON requests (key) WHERE ended_at_ns = 0;

-- Append-only: a row says what was so then, and is never touched again.
CREATE TABLE order_log (
  key INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, entry INTEGER NOT NULL,
  cl_ord_id TEXT NOT NULL, account TEXT NOT NULL, client_id INTEGER NOT NULL, strategy TEXT,
  instrument TEXT NOT NULL, side INTEGER NOT NULL, quantity INTEGER NOT NULL,
  price INTEGER NOT NULL, status INTEGER NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX order_log_account ON order_log (account);
CREATE INDEX order_log_instrument ON order_log (instrument);
CREATE INDEX order_log_strategy ON order_log (strategy) WHERE strategy IS NOT NULL;

-- Who did what from where, append-only. Of one kind there may be a million; the others are few, and have
-- an index of their own, so that a failed login is found without looking at every instruction.
CREATE TABLE audit (
  key INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, actor TEXT NOT NULL, address TEXT NOT NULL,
  door TEXT NOT NULL, act TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL,
  request_id TEXT NOT NULL, count INTEGER NOT NULL, first_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_rare ON audit (act) WHERE act <> 'instruction_planned';

-- A buy that filled, and what became of what it bought; its key is its order's. A buy of which nothing
-- is filled yet is a trade too, and is read from the orders: most of them change in the next moment.
CREATE TABLE trades (
  key INTEGER PRIMARY KEY, ended_at_ns INTEGER NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL,
  mode INTEGER NOT NULL, client_id INTEGER NOT NULL, instrument TEXT NOT NULL,
  product INTEGER NOT NULL, strategy TEXT, cost_known INTEGER NOT NULL, origin INTEGER NOT NULL,
  opened_at_ns INTEGER NOT NULL, bought INTEGER NOT NULL, cost INTEGER NOT NULL,
  charges INTEGER NOT NULL, sold INTEGER NOT NULL, sold_cost INTEGER NOT NULL,
  proceeds INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX trades_id ON trades (id);
CREATE INDEX trades_account ON trades (account);
CREATE INDEX trades_instrument ON trades (instrument);
CREATE INDEX trades_active ON trades (account, instrument) WHERE ended_at_ns = 0;

-- What was sold beyond all that was held: no trade of ours, but a later buy covers it first.
CREATE TABLE shorts (
  account TEXT NOT NULL, mode INTEGER NOT NULL, instrument TEXT NOT NULL, product INTEGER NOT NULL,
  quantity INTEGER NOT NULL, PRIMARY KEY (account, mode, instrument, product)
) STRICT, WITHOUT ROWID;

-- What the trades of a book realised, kept up to date so that no client's sum is read from all of them.
CREATE TABLE profits (
  account TEXT NOT NULL, mode INTEGER NOT NULL, realized INTEGER NOT NULL,
  PRIMARY KEY (account, mode)
) STRICT, WITHOUT ROWID;

-- How many rows a filter finds, kept up to date so that no list has to count a million of them.
CREATE TABLE totals (
  subject INTEGER NOT NULL, value ANY NOT NULL, orders INTEGER NOT NULL,
  entries INTEGER NOT NULL, instructions INTEGER NOT NULL, trades INTEGER NOT NULL,
  PRIMARY KEY (subject, value)
) STRICT, WITHOUT ROWID;

INSERT INTO cursor VALUES (1, 0, 0, 0);
"""


def database_path(data: Path) -> Path:
    """Where the views of a data folder are."""
    return data / "views.db"


def open_for_writing(path: Path) -> apsw.Connection:
    """The projector's connection, to a file of this version: any other is dropped and made anew."""
    if path.exists():
        try:
            connection = _connect(path)
        except UNREADABLE:
            drop(path)
        else:
            if _version(connection) == (APPLICATION_ID, SCHEMA_VERSION):
                return connection
            connection.close()
            drop(path)
    connection = _connect(path)
    with connection:
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", SCHEMA_VERSION)
        connection.execute(TABLES)
    return connection


def open_for_reading(path: Path) -> apsw.Connection | None:
    """A connection that cannot write; None while there is no file of this version."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.CantOpenError:
        return None
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    try:
        # Reading at once makes SQLite open the files beside this one now, not at some later time.
        if _version(connection) == (APPLICATION_ID, SCHEMA_VERSION):
            return connection
    except apsw.Error:
        connection.close()
        raise
    connection.close()
    return None


def drop(path: Path) -> None:
    """Remove the file and what lies beside it, the file first: nobody opens half of an old one."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _connect(path: Path) -> apsw.Connection:
    """WAL and ``synchronous=NORMAL``: a power loss costs the last rows, never the file's sanity.

    Nothing is synced at a commit; checkpoints, which are, are made by hand in quiet moments.
    """
    connection = apsw.Connection(str(path))
    try:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "normal")
        connection.pragma("wal_autocheckpoint", 0)
        connection.pragma("cache_size", -CACHE_KIB)
    except apsw.Error:
        connection.close()
        raise
    return connection


def _version(connection: apsw.Connection) -> tuple[object, object]:
    return connection.pragma("application_id"), connection.pragma("user_version")
