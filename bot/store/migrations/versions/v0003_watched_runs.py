"""The runs that each process waits for, and their last observed state: one process polls for all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "codegen_bot_watched_runs",
        sa.Column("org_id", sa.BigInteger, primary_key=True),
        sa.Column("run_id", sa.BigInteger, primary_key=True),
        sa.Column("executor", sa.Text, primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "codegen_bot_sightings",
        sa.Column("org_id", sa.BigInteger, primary_key=True),
        sa.Column("run_id", sa.BigInteger, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
