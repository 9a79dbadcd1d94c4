"""Jobs are stored apart from the engine; processes have names, so that others can recover their work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "codegen_bot_orders",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("document", sa.Text, nullable=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=True),
        sa.Column("executor", sa.Text, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("codegen_bot_orders_by_state", "codegen_bot_orders", ["state", "executor", "taken_at"])
    op.create_table("codegen_bot_executors", sa.Column("executor", sa.Text, primary_key=True))
