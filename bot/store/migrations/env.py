"""How Alembic takes the steps: on the connection that `bot.store.migrating` gives it, in its transaction."""

from __future__ import annotations

from alembic import context

# Not where the module is only imported.
if hasattr(context, "config"):
    context.configure(**context.config.attributes["environment"])
    context.run_migrations()
