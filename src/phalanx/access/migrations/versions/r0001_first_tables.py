"""Users, recovery codes, sessions, machine keys, signing keys and credentials."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables of the first day."""
    _make_users()
    _make_sessions()
    _make_keys()
    _make_credentials()


def _make_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text(collation="NOCASE"), nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("client_ids", sa.Text, nullable=False),
        sa.Column("may_trade", sa.Boolean, nullable=False),
        sa.Column("disabled_at", sa.Integer),
        sa.Column("totp", sa.LargeBinary),
        sa.Column("totp_last_step", sa.Integer),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.Integer, nullable=False),
        sa.UniqueConstraint("name", name="users_name_unique"),
        sa.CheckConstraint(
            "role IN ('admin', 'trader', 'viewer', 'client')", name="users_role_known"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("used_at", sa.Integer),
        sa.PrimaryKeyConstraint("user_id", "hash", name="recovery_codes_key"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="recovery_codes_user_id_known"),
    )


def _make_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("family_hash", sa.LargeBinary, nullable=False),
        sa.Column("refresh_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("rotated_at", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.Integer, nullable=False),
        sa.Column("ended_at", sa.Integer),
        sa.Column("ended_why", sa.Text),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="sessions_key"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="sessions_user_id_known"),
    )
    op.create_index("sessions_user_id", "sessions", ["user_id"])


def _make_keys() -> None:
    op.create_table(
        "machine_keys",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text(collation="NOCASE"), nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("fence", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.Integer, nullable=False),
        sa.Column("revoked_at", sa.Integer),
        sa.Column("last_used_at", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="machine_keys_key"),
        sa.UniqueConstraint("name", name="machine_keys_name_unique"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("retired_at", sa.Integer),
        sa.PrimaryKeyConstraint("kid", name="signing_keys_key"),
    )


def _make_credentials() -> None:
    op.create_table(
        "credentials",
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("broker", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kek_id", sa.Text, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("login", name="credentials_key"),
    )
    op.create_index("credentials_kek_id", "credentials", ["kek_id"])
