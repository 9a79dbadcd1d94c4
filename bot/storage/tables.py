"""The bot's own tables, beside those of DBOS in the same database.

This is their current form; `bot.storage.migrations` leads there. A change here needs a migration there, and a test
compares the two.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A time, always in UTC: SQLite drops the time zone, PostgreSQL returns its own."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the same for both
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class JsonText(sa.TypeDecorator[dict[str, Any]]):
    """A JSON object, stored as text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, Any] | None:  # noqa: ARG002
        return None if value is None else dict(json.loads(value))


class JsonTextList(sa.TypeDecorator[list[Any]]):
    """A JSON array, stored as text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[Any] | None:  # noqa: ARG002
        return None if value is None else list(json.loads(value))


METADATA = sa.MetaData()


def _table(name: str, *parts: sa.Column[Any] | sa.Index) -> sa.Table:
    # A number that was given once never names another row (SQLite only; PostgreSQL's sequences do so anyway).
    return sa.Table(f"codegen_bot_{name}", METADATA, *parts, sqlite_autoincrement=_counts(parts))


def _counts(parts: tuple[sa.Column[Any] | sa.Index, ...]) -> bool:
    return any(isinstance(part, sa.Column) and part.autoincrement is True for part in parts)


def _index(name: str, *columns: str) -> sa.Index:
    return sa.Index(f"codegen_bot_{name}", *columns)


def _key(name: str, kind: Any = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True)


def _id() -> sa.Column[Any]:
    """Numbers from 1 that the database gives."""
    # On SQLite only INTEGER counts; it has 64 bits there.
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True)


def _count(name: str) -> sa.Column[Any]:
    """A number of things, from 0."""
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _column(name: str, kind: Any = sa.Text, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return _column(name, UtcDateTime, nullable=nullable)


def _run() -> tuple[sa.Column[Any], ...]:
    """Codegen's ids are not guaranteed to stay within 32 bits."""
    return _key("org_id", sa.BigInteger), _key("run_id", sa.BigInteger)


def _who_and_where() -> tuple[sa.Column[Any], ...]:
    return _column("login"), _column("repository"), _column("number", sa.BigInteger)


THREAD_RUNS = _table(
    "thread_runs",
    *_run(),
    _key("repository"),
    _key("number", sa.BigInteger),
    _time("used_at"),
    _index("thread_runs_by_thread", "repository", "number", "used_at"),
)

STARS = _table("stars", *_run(), _column("login"), _time("starred_at"))

RUN_COMPLETION_TIMES = _table(
    "run_completion_times",
    *_run(),
    _time("completed_at"),
    _column("worked_seconds", sa.Double, nullable=True),
    _time("resumed_at", nullable=True),
)

RUN_MARKS = _table("run_marks", *_run(), _column("mark", JsonText))

WATCHED_RUNS = _table("watched_runs", *_run(), _key("executor"), _time("watched_since"))

RUN_STATES = _table("run_states", *_run(), _column("document", JsonText), _time("polled_at"), _time("changed_at"))

MULTI_RUNS = _table(
    "multi_runs",
    _key("org_id", sa.BigInteger),
    _key("identity"),
    _column("request", JsonText),
    _column("response", JsonText, nullable=True),
    _time("requested_at"),
)

JOBS = _table(
    "jobs",
    _key("identity"),
    _column("document", JsonText, nullable=True),
    _column("state"),
    _column("stage", nullable=True),
    _column("executor"),
    _time("accepted_at"),
    _time("ended_at", nullable=True),
    _count("loop_blocks"),
    _index("jobs_by_state", "state", "executor", "accepted_at"),
)

EXECUTORS = _table(
    "executors",
    _key("executor"),
    _column("version"),
    _time("started_at"),
    _time("heartbeat_at"),
    _column("successor", nullable=True),
)

QUOTA_USAGE = _table(
    "quota_usage",
    _key("identity"),
    *_who_and_where(),
    _column("runs", sa.Integer),
    _time("requested_at"),
    _index("quota_usage_by_day", "repository", "requested_at"),
)

CONFIRMATIONS = _table("confirmations", _key("identity"), *_who_and_where(), _time("requested_at"), _column("state"))

ANSWER_USAGE = _table(
    "answer_usage",
    _key("subject"),
    _column("identity"),
    _column("login"),
    _column("repository"),
    _column("kind"),
    _column("mode"),
    _time("answered_at"),
    _index("answer_usage_by_login", "login", "answered_at"),
    _index("answer_usage_by_repository", "repository", "answered_at"),
)

SEARCH_PROGRESS = _table("search_progress", _key("source"), _time("searched_until"))

REDELIVERIES = _table(
    "redeliveries",
    _key("guid"),
    _column("delivery_id", sa.BigInteger),
    _column("requests", sa.Integer),
    _time("requested_at"),
)

KNOWN_REPOSITORIES = _table("known_repositories", _key("repository"), _time("known_since"))

CONFIG_FILES = _table("config_files", _key("source"), _column("text", nullable=True), _time("read_at"))

DEFERRED_EVENTS = _table(
    "deferred_events", _key("key"), _column("repository"), _column("document", JsonText), _time("deferred_at")
)

# Agents of your own: `bot.storage.agents` and `bot.storage.agent_turns`.

AGENT_USERS = _table(
    "agent_users",
    _id(),
    sa.Column("login", sa.Text, nullable=False, unique=True),
    _column("github_user_id", sa.BigInteger, nullable=True),
    _time("created_at"),
)

AGENT_TOKENS = _table(
    "agent_tokens",
    _key("token_hash"),
    _column("user_id", sa.BigInteger),
    _column("name"),
    _time("created_at"),
    _index("agent_tokens_by_user", "user_id"),
)

AGENT_RUNS = _table(
    "agent_runs",
    _id(),
    _column("status"),
    _time("created_at"),
    _time("ended_at", nullable=True),
    _column("user_id", sa.BigInteger),
    _column("agent"),
    _column("model", nullable=True),
    _column("repository", nullable=True),
    _column("pull_request", sa.BigInteger, nullable=True),
    _column("metadata", JsonText, nullable=True),
    _column("source_type"),
    _column("purpose"),
    _column("result", nullable=True),
    _column("summary", nullable=True),
    _column("session_id", nullable=True),
    _column("branch", nullable=True),
    _flag("checks_banned"),
    _flag("removed"),
    _flag("cancel_wanted"),
    _column("input_tokens", sa.BigInteger, nullable=True),
    _column("output_tokens", sa.BigInteger, nullable=True),
    _column("cost", sa.Double, nullable=True),
    _flag("is_estimated"),
    _count("log_entries"),
    _column("person", nullable=True),
    _column("asked_in", nullable=True),
    _column("thread", sa.BigInteger, nullable=True),
    _column("changed_files", sa.Integer, nullable=True),
    _column("additions", sa.Integer, nullable=True),
    _column("deletions", sa.Integer, nullable=True),
    _index("agent_runs_by_user", "user_id", "id"),
    _index("agent_runs_by_source", "source_type", "id"),
    _index("agent_runs_by_pull_request", "repository", "pull_request"),
)

AGENT_TURNS = _table(
    "agent_turns",
    _id(),
    _column("run_id", sa.BigInteger),
    _column("number", sa.Integer),
    _column("prompt"),
    _column("images", JsonTextList),
    _column("state"),
    _column("worker", nullable=True),
    _time("heartbeat_at", nullable=True),
    _count("attempts"),
    _time("created_at"),
    _time("started_at", nullable=True),
    _time("ended_at", nullable=True),
    _column("person", nullable=True),
    _column("input_tokens", sa.BigInteger, nullable=True),
    _column("output_tokens", sa.BigInteger, nullable=True),
    _column("cost", sa.Double, nullable=True),
    _flag("is_estimated"),
    sa.Index("codegen_bot_agent_turns_by_run", "run_id", "number", unique=True),
    _index("agent_turns_by_state", "state", "id"),
    _index("agent_turns_by_start", "started_at"),
)

AGENT_LOG_ENTRIES = _table(
    "agent_log_entries",
    sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    _time("created_at"),
    _column("document", JsonText),
)

AGENT_PULL_REQUESTS = _table(
    "agent_pull_requests",
    _id(),
    _column("run_id", sa.BigInteger),
    _column("repository"),
    _column("number", sa.BigInteger),
    _column("title"),
    _column("url"),
    _column("head_branch"),
    _time("created_at"),
    sa.Index("codegen_bot_agent_pull_requests_by_run", "run_id", "repository", "number", unique=True),
    _index("agent_pull_requests_by_pull_request", "repository", "number"),
)

AGENT_COMMITS = _table(
    "agent_commits",
    _key("sha"),
    _column("run_id", sa.BigInteger),
    _time("pushed_at"),
)

AGENT_CHECK_ROUNDS = _table(
    "agent_check_rounds",
    sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),
    _key("sha"),
    _column("identity"),
    _column("failure"),
    _time("created_at"),
    _flag("is_over"),
)

AGENT_REPOSITORIES = _table(
    "agent_repositories",
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    _column("full_name"),
    _column("setup_commands", nullable=True),
    _column("check_settings", JsonText, nullable=True),
    _index("agent_repositories_by_name", "full_name"),
)

AGENT_SANDBOXES = _table(
    "agent_sandboxes",
    _id(),
    _column("run_id", sa.BigInteger),
    _column("repository", nullable=True),
    _column("log"),
    _time("created_at"),
    _index("agent_sandboxes_by_run", "run_id"),
)
