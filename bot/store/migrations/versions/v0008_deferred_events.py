"""Events deferred until the config of their repository can be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "codegen_bot_deferred_events",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("deferred_at", sa.DateTime(timezone=True), nullable=False),
    )
