"""How long a run has worked, and since when it has been working again; who started a run that carries no metadata."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    table = "codegen_bot_run_completion_times"
    op.add_column(table, sa.Column("worked_seconds", sa.Double, nullable=True))
    op.add_column(table, sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "codegen_bot_run_marks",
        sa.Column("org_id", sa.BigInteger, primary_key=True),
        sa.Column("run_id", sa.BigInteger, primary_key=True),
        sa.Column("mark", sa.Text, nullable=False),
    )
