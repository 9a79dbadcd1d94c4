"""How often people without write access were answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "codegen_bot_answers",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("voice", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Index("codegen_bot_answers_of_person", "login", "at"),
        sa.Index("codegen_bot_answers_of_repository", "repository", "at"),
    )
