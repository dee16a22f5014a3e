"""Alembic runs this. The connection comes from `database.migrate`, which also commits: all or nothing."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
