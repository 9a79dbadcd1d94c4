"""The tables from before migrations existed: created if missing, else left as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "codegen_bot_thread_runs",
        sa.Column("org_id", sa.BigInteger, primary_key=True),
        sa.Column("run_id", sa.BigInteger, primary_key=True),
        sa.Column("repository", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "codegen_bot_thread_runs_of_thread",
        "codegen_bot_thread_runs",
        ["repository", "number", "used_at"],
        if_not_exists=True,
    )
    op.create_table(
        "codegen_bot_stars",
        sa.Column("org_id", sa.BigInteger, primary_key=True),
        sa.Column("run_id", sa.BigInteger, primary_key=True),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "codegen_bot_spending",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("runs", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
    op.create_index("codegen_bot_spending_of_day", "codegen_bot_spending", ["repository", "at"], if_not_exists=True)
    op.create_table(
        "codegen_bot_confirmations",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "codegen_bot_multi_runs",
        sa.Column("org_id", sa.BigInteger, primary_key=True),
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
