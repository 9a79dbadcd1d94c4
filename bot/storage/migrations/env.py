"""Alembic's environment: runs on the connection that `bot.storage.migrating` passes, in its transaction."""

from __future__ import annotations

from alembic import context

# Not if the module is only imported.
if hasattr(context, "config"):
    context.configure(**context.config.attributes["environment"])
    context.run_migrations()
