"""Completion times of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "codegen_bot_run_ends",
        sa.Column("org_id", sa.BigInteger, primary_key=True),
        sa.Column("run_id", sa.BigInteger, primary_key=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
    )
