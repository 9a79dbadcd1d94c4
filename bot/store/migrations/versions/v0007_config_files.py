"""The last valid version of each config file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "codegen_bot_config_files",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("text", sa.Text, nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
    )
