"""The steps that bring ``access.db`` to this code's shape: Alembic, loaded only where one is missing."""

from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from phalanx.access.errors import AccessCode, AccessError

MIGRATIONS: Final = "phalanx.access:migrations"


def run_missing(connection: Connection, found: str | None) -> None:
    """Run the steps behind ``found``, the one that was run last. Part of a transaction.

    Raises DATABASE_NEWER.
    """
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    steps = ScriptDirectory.from_config(config)
    if found not in {None, *(step.revision for step in steps.walk_revisions())}:
        detail = f"access.db is of a newer version ({found})"
        raise AccessError(AccessCode.DATABASE_NEWER, detail)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
