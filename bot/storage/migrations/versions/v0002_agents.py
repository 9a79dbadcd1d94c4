"""The tables of agents of your own: users, tokens, runs, turns, logs, pull requests, repositories and sandboxes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _create_users()
    _create_runs()
    _create_turns()
    _create_work()


def _id() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True)


def _create_users() -> None:
    op.create_table(
        "codegen_bot_agent_users",
        _id(),
        sa.Column("login", sa.Text, nullable=False, unique=True),
        sa.Column("github_user_id", sa.BigInteger, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "codegen_bot_agent_tokens",
        sa.Column("token_hash", sa.Text, primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("codegen_bot_agent_tokens_by_user", "codegen_bot_agent_tokens", ["user_id"])


def _create_runs() -> None:
    op.create_table(
        "codegen_bot_agent_runs",
        _id(),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=True),
        sa.Column("repository", sa.Text, nullable=True),
        sa.Column("pull_request", sa.BigInteger, nullable=True),
        sa.Column("metadata", sa.Text, nullable=True),
        sa.Column("source_type", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=True),
        sa.Column("summary", sa.Text, nullable=True),
        sa.Column("session_id", sa.Text, nullable=True),
        sa.Column("branch", sa.Text, nullable=True),
        sa.Column("checks_banned", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("removed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("cancel_wanted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("input_tokens", sa.BigInteger, nullable=True),
        sa.Column("output_tokens", sa.BigInteger, nullable=True),
        sa.Column("cost", sa.Double, nullable=True),
        sa.Column("log_entries", sa.Integer, nullable=False, server_default="0"),
        sqlite_autoincrement=True,
    )
    table = "codegen_bot_agent_runs"
    op.create_index("codegen_bot_agent_runs_by_user", table, ["user_id", "id"])
    op.create_index("codegen_bot_agent_runs_by_source", table, ["source_type", "id"])
    op.create_index("codegen_bot_agent_runs_by_pull_request", table, ["repository", "pull_request"])


def _create_turns() -> None:
    table = "codegen_bot_agent_turns"
    op.create_table(
        table,
        _id(),
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("images", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("worker", sa.Text, nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("codegen_bot_agent_turns_by_run", table, ["run_id", "number"], unique=True)
    op.create_index("codegen_bot_agent_turns_by_state", table, ["state", "id"])


def _create_work() -> None:
    """What turns leave behind."""
    op.create_table(
        "codegen_bot_agent_log_entries",
        sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    table = "codegen_bot_agent_pull_requests"
    op.create_table(
        table,
        _id(),
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("head_branch", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("codegen_bot_agent_pull_requests_by_run", table, ["run_id", "repository", "number"], unique=True)
    op.create_index("codegen_bot_agent_pull_requests_by_pull_request", table, ["repository", "number"])
    table = "codegen_bot_agent_repositories"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("full_name", sa.Text, nullable=False),
        sa.Column("setup_commands", sa.Text, nullable=True),
        sa.Column("check_settings", sa.Text, nullable=True),
    )
    op.create_index("codegen_bot_agent_repositories_by_name", table, ["full_name"])
    table = "codegen_bot_agent_sandboxes"
    op.create_table(
        table,
        _id(),
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("repository", sa.Text, nullable=True),
        sa.Column("log", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("codegen_bot_agent_sandboxes_by_run", table, ["run_id"])
