"""Executors with a heartbeat; those known by a lock are deleted, their work is recovered at start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.drop_table("codegen_bot_executors")
    op.create_table(
        "codegen_bot_executors",
        sa.Column("executor", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("successor", sa.Text, nullable=True),
    )
