"""The tables of ``access.db``: who may come in, with what, and what is sealed for them.

Times are UTC nanoseconds, hashes the 32 bytes of a SHA-256. What is sealed opens with the vault only. The
shape on disk is made by the migrations; a test holds the two against each other.
"""

from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ck": "%(table_name)s_%(constraint_name)s_known",
        "fk": "%(table_name)s_%(column_0_N_name)s_known",
        "pk": "%(table_name)s_key",
    }
)


class UserColumns(TypedColumns):
    """``client_ids``: a JSON list of integers. ``totp`` is sealed; while ``totp_last_step`` is null it waits
    for its first code.
    """

    id: Named[int] = Column(Integer, primary_key=True)
    name: Named[str] = Column(Text(collation="NOCASE"), unique=True)
    role: Named[str] = Column(Text)
    password_hash: Named[str] = Column(Text)
    must_change: Named[bool] = Column(Boolean)
    client_ids: Named[str] = Column(Text)
    may_trade: Named[bool] = Column(Boolean)
    disabled_at: Named[int | None] = Column(Integer)
    totp: Named[bytes | None] = Column(LargeBinary)
    totp_last_step: Named[int | None] = Column(Integer)
    created_at: Named[int] = Column(Integer)
    changed_at: Named[int] = Column(Integer)


class RecoveryCodeColumns(TypedColumns):
    """A code stands for one TOTP code, once."""

    user_id: Named[int] = Column(Integer, ForeignKey("users.id"), primary_key=True)
    hash: Named[bytes] = Column(LargeBinary, primary_key=True)
    used_at: Named[int | None] = Column(Integer)


class SessionColumns(TypedColumns):
    """``family_hash`` is of the part that all refresh tokens of a session share, ``refresh_hash`` of the
    part that only the newest has.
    """

    id: Named[str] = Column(Text, primary_key=True)
    user_id: Named[int] = Column(Integer, ForeignKey("users.id"), index=True)
    family_hash: Named[bytes] = Column(LargeBinary)
    refresh_hash: Named[bytes] = Column(LargeBinary)
    created_at: Named[int] = Column(Integer)
    rotated_at: Named[int] = Column(Integer)
    expires_at: Named[int] = Column(Integer)
    ended_at: Named[int | None] = Column(Integer)
    ended_why: Named[str | None] = Column(Text)
    address: Named[str] = Column(Text)
    agent: Named[str] = Column(Text)


class MachineKeyColumns(TypedColumns):
    """``scopes``: a JSON list of permissions; ``fence``: JSON of a `Fence`; ``last_used_at``: to the hour."""

    id: Named[str] = Column(Text, primary_key=True)
    name: Named[str] = Column(Text(collation="NOCASE"), unique=True)
    hash: Named[bytes] = Column(LargeBinary)
    scopes: Named[str] = Column(Text)
    fence: Named[str] = Column(Text)
    created_by: Named[str] = Column(Text)
    created_at: Named[int] = Column(Integer)
    expires_at: Named[int] = Column(Integer)
    revoked_at: Named[int | None] = Column(Integer)
    last_used_at: Named[int | None] = Column(Integer)


class SigningKeyColumns(TypedColumns):
    """``sealed``: the private part, 32 bytes before they were sealed; ``public``: its 32 bytes."""

    kid: Named[str] = Column(Text, primary_key=True)
    sealed: Named[bytes] = Column(LargeBinary)
    public: Named[bytes] = Column(LargeBinary)
    created_at: Named[int] = Column(Integer)
    retired_at: Named[int | None] = Column(Integer)


class CredentialColumns(TypedColumns):
    """What a login needs at its broker, as `vault.envelope.Sealed` names the parts."""

    login: Named[str] = Column(Text, primary_key=True)
    broker: Named[str] = Column(Text)
    version: Named[int] = Column(Integer)
    kek_id: Named[str] = Column(Text, index=True)
    wrapped_key: Named[bytes] = Column(LargeBinary)
    nonce: Named[bytes] = Column(LargeBinary)
    sealed: Named[bytes] = Column(LargeBinary)
    created_by: Named[str] = Column(Text)
    created_at: Named[int] = Column(Integer)


class NoteColumns(TypedColumns):
    """What was done here while no journal could take it: an `Act`, whom it is about, a few words."""

    id: Named[int] = Column(Integer, primary_key=True)
    at: Named[int] = Column(Integer)
    act: Named[str] = Column(Text)
    subject: Named[str] = Column(Text)
    detail: Named[str] = Column(Text)


users: Final = Table(
    "users",
    metadata,
    UserColumns,
    CheckConstraint("role IN ('admin', 'trader', 'viewer', 'client')", name="role"),
    # A number is never given twice, so that nothing of one user can become another's.
    sqlite_autoincrement=True,
)
recovery_codes: Final = Table("recovery_codes", metadata, RecoveryCodeColumns)
sessions: Final = Table("sessions", metadata, SessionColumns)
machine_keys: Final = Table("machine_keys", metadata, MachineKeyColumns)
signing_keys: Final = Table("signing_keys", metadata, SigningKeyColumns)
credentials: Final = Table("credentials", metadata, CredentialColumns)
notes: Final = Table("notes", metadata, NoteColumns)
