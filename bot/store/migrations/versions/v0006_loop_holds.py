"""How often a process ended while a command blocked its event loop."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("codegen_bot_orders", sa.Column("loop_holds", sa.Integer, nullable=False, server_default="0"))
