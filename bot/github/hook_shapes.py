"""GitHub's JSON for webhooks and their deliveries, and for comments across all threads."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import AliasChoices, Field, TypeAdapter

from bot.github.models import Comment, CommentKind, Delivered, Grant, Hook, WrittenComment
from bot.github.shapes import IssueComment, Shape, person


class WrittenCommentAnswer(IssueComment):
    """Either an issue comment or a review comment, which is on a pull request."""

    updated_at: datetime
    thread_url: str = Field(validation_alias=AliasChoices("issue_url", "pull_request_url"), pattern=r"/[0-9]+$")
    path: str | None = None
    line: int | None = None
    original_line: int | None = None
    diff_hunk: str | None = None

    def found(self, kind: CommentKind) -> WrittenComment:
        return WrittenComment(
            comment=Comment(
                kind=kind,
                id=self.id,
                body=self.body or "",
                author=person(self.user),
                url=self.html_url,
                path=self.path,
                line=self.line or self.original_line,
                diff_hunk=self.diff_hunk,
            ),
            number=int(self.thread_url.rpartition("/")[2]),
            created_at=self.created_at,
            is_edited=self.updated_at != self.created_at,
        )


class HookConfig(Shape):
    url: str | None = None
    content_type: str = "form"
    secret: str | None = Field(default=None, repr=False)
    insecure_ssl: str | int = "0"

    def model(self) -> Hook:
        """The secret itself is never returned; asterisks stand for one."""
        return Hook(
            id=None,
            url=self.url,
            content_type=self.content_type,
            is_signed=bool(self.secret),
            checks_certificate=str(self.insecure_ssl) == "0",
        )


class HookAnswer(Shape):
    id: int
    active: bool
    events: tuple[str, ...]
    config: HookConfig

    def model(self) -> Hook:
        return replace(self.config.model(), id=self.id, is_active=self.active, events=self.events)


class DeliveredAnswer(Shape):
    id: int
    guid: str
    delivered_at: datetime
    redelivery: bool
    event: str
    action: str | None = None
    status: str
    status_code: int

    def model(self) -> Delivered:
        return Delivered(
            id=self.id,
            guid=self.guid,
            delivered_at=self.delivered_at,
            is_redelivery=self.redelivery,
            event=self.event,
            action=self.action,
            status=self.status,
            status_code=self.status_code,
        )


class AppAnswer(Shape):
    slug: str
    permissions: dict[str, str]
    events: tuple[str, ...]

    def model(self) -> Grant:
        return Grant(holder=self.slug, permissions=self.permissions, events=self.events)


class InstallationAnswer(Shape):
    account: dict[str, Any] | None
    permissions: dict[str, str]
    events: tuple[str, ...]
    suspended_at: datetime | None = None

    def model(self) -> Grant:
        """An enterprise has a slug instead of a login."""
        account = self.account or {}
        return Grant(
            holder=str(account.get("login") or account.get("slug") or "ghost"),
            permissions=self.permissions,
            events=self.events,
            is_suspended=self.suspended_at is not None,
        )


APP_GRANT = TypeAdapter(AppAnswer)
DELIVERED = TypeAdapter(DeliveredAnswer)
HOOK = TypeAdapter(HookAnswer)
HOOK_CONFIG = TypeAdapter(HookConfig)
INSTALLATION_GRANT = TypeAdapter(InstallationAnswer)
WRITTEN_COMMENT = TypeAdapter(WrittenCommentAnswer)
