"""What each turn of an agent used and for whom, and what each run has changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    runs, turns = "codegen_bot_agent_runs", "codegen_bot_agent_turns"
    for name in ("changed_files", "additions", "deletions"):
        op.add_column(runs, sa.Column(name, sa.Integer, nullable=True))
    for name in ("input_tokens", "output_tokens"):
        op.add_column(turns, sa.Column(name, sa.BigInteger, nullable=True))
    op.add_column(turns, sa.Column("cost", sa.Double, nullable=True))
    for table in (runs, turns):
        op.add_column(table, sa.Column("person", sa.Text, nullable=True))
        op.add_column(table, sa.Column("is_estimated", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column(runs, sa.Column("asked_in", sa.Text, nullable=True))
    op.add_column(runs, sa.Column("thread", sa.BigInteger, nullable=True))
    op.create_index("codegen_bot_agent_turns_by_start", turns, ["started_at"])
