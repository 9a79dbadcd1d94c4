"""The tables of the first release, from which later versions migrate.

Nothing to do: `bot.storage.migrating` creates them from `bot.storage.tables`.
"""

revision = "0001"
down_revision = None


def upgrade() -> None: ...
