"""Webhooks on GitHub: their settings, the log of their deliveries, and the comments that they reported.

https://docs.github.com/en/rest/apps/webhooks
https://docs.github.com/en/rest/repos/webhooks
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasChoices, AliasPath, BeforeValidator, Field
from pydantic.dataclasses import dataclass

from bot.github.models import FROM_GITHUB, GHOST, Comment, CommentKind, Presence, comment_json, moment_of, reader
from bot.github.requester import Requester
from bot.github.transport import Endpoint
from bot.upstream import Segments

HOOK_PATH = "/webhooks/github"
"""How the URL of a hook ends that delivers to a bot."""

_COMMENT_LISTS = (("issues", "comments"), ("pulls", "comments"))
"""The endpoints that list a repository's comments across all threads. For reviews GitHub has none."""


def _last_segment(address: object) -> object:
    return address.rpartition("/")[2] if isinstance(address, str) else address


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class WrittenComment:
    """A comment from a list across all threads.

    :param number: of its issue or pull request
    """

    comment: Comment
    number: Annotated[int, BeforeValidator(_last_segment)] = Field(
        validation_alias=AliasChoices("issue_url", "pull_request_url")
    )
    created_at: datetime
    updated_at: datetime

    @property
    def is_edited(self) -> bool:
        """Whether its text was changed; the API does not report by whom."""
        return self.updated_at != self.created_at


def read_written_comment(document: Any) -> WrittenComment:
    if isinstance(document, dict):
        kind = CommentKind.REVIEW_COMMENT if "pull_request_url" in document else CommentKind.ISSUE_COMMENT
        document = {**document, "comment": comment_json(document, kind)}
    return reader(WrittenComment)(document)


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class Hook:
    """A webhook's settings.

    :param id: None for an App's
    :param url: where deliveries go; None: nowhere
    :param is_signed: whether a secret is set; GitHub never returns the secret, asterisks stand for it
    :param checks_certificate: whether GitHub verifies the address's TLS certificate
    :param events: that it reports, ``*`` for all; None for an App's, where the App lists them
    """

    id: int | None = None
    url: str | None = Field(default=None, validation_alias=AliasPath("config", "url"))
    content_type: str = Field(default="form", validation_alias=AliasPath("config", "content_type"))
    is_signed: Annotated[bool, BeforeValidator(bool)] = Field(
        default=False, validation_alias=AliasPath("config", "secret")
    )
    checks_certificate: Annotated[bool, BeforeValidator(lambda insecure: str(insecure) in {"0", "True"})] = Field(
        default=True, validation_alias=AliasPath("config", "insecure_ssl")
    )
    is_active: bool = Field(default=True, validation_alias="active")
    events: tuple[str, ...] | None = None

    @property
    def is_for_bot(self) -> bool:
        """Whether it delivers to a bot."""
        return (self.url or "").rstrip("/").endswith(HOOK_PATH)


def read_app_hook(settings: Any) -> Hook:
    """The App's own hook, of which GitHub returns the settings only."""
    return reader(Hook)({"config": settings})


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class Grant:
    """What a GitHub App requests, or what an account where it is installed has granted.

    :param holder: the App's slug, or the account's login; an enterprise has a slug instead
    :param permissions: ``read``, ``write`` or ``admin`` by GitHub's names, such as ``pull_requests``
    :param events: that it receives
    """

    holder: str = Field(
        default=GHOST,
        validation_alias=AliasChoices(AliasPath("account", "login"), AliasPath("account", "slug"), "slug"),
    )
    permissions: Mapping[str, str]
    events: tuple[str, ...]
    is_suspended: Presence = Field(default=False, validation_alias="suspended_at")


@dataclass(frozen=True, slots=True, kw_only=True, config=FROM_GITHUB)
class Delivered:
    """One attempt of a delivery, from the log.

    :param id: of this attempt; a redelivery has another one
    :param guid: of the event: the same for all attempts, and for all hooks
    :param status_code: of the response; meaningless if there was none
    """

    id: int
    guid: str
    delivered_at: datetime
    is_redelivery: bool = Field(validation_alias="redelivery")
    event: str
    action: str | None = None
    status: str
    status_code: int


@dataclass(frozen=True, slots=True, config=FROM_GITHUB)
class DeliveryLog:
    """GitHub's log of deliveries: of a repository's hook, or of the App, which has one for all.

    :param repository: ``owner/name``; empty for the App's
    :param hook_id: of a repository's hook
    """

    repository: str = ""
    hook_id: int = 0

    @property
    def segments(self) -> Segments:
        """The path's segments, below the repository's address if there is one."""
        return ("hooks", self.hook_id, "deliveries") if self.repository else ("app", "hook", "deliveries")

    def __str__(self) -> str:
        return f"hook {self.hook_id} of {self.repository}" if self.repository else "the App's hook"


class Hooks:
    """GitHub's webhooks, as one account or App. Every method raises `bot.errors.UpstreamError` and nothing else; of
    kind NOT_FOUND or FORBIDDEN also if the account may not see hooks."""

    def __init__(self, api: Requester) -> None:
        self._api = api

    async def of_repository(self, repository: str) -> list[Hook]:
        """A repository's own hooks; those of its organization and of Apps are not included."""
        return await self._api.read_all(Endpoint("hooks", repository, ("hooks",)), reader(Hook))

    async def of_app(self) -> Hook:
        """The App's own hook, of which GitHub returns the settings only."""
        return await self._api.read(Endpoint("app_hook", "", ("app", "hook", "config")), read_app_hook)

    async def app(self) -> Grant:
        """What the App requests."""
        return await self._api.read(Endpoint("app", "", ("app",)), reader(Grant))

    async def installations(self) -> list[Grant]:
        """What each account has granted the App."""
        return await self._api.read_all(Endpoint("installations", "", ("app", "installations")), reader(Grant))

    def deliveries(self, log: DeliveryLog, *, status: str | None = None) -> AsyncIterator[Delivered]:
        """The deliveries of the last three days, newest first; pages are requested as they are needed.

        :param status: ``success`` or ``failure``; None: both
        """
        query = {"status": status} if status else {}
        return self._api.read_pages(Endpoint("deliveries", log.repository, log.segments, query), reader(Delivered))

    async def redeliver(self, log: DeliveryLog, delivery_id: int) -> None:
        """Repeats a delivery, with the hook's current secret and address. It keeps its GUID."""
        await self._api.trigger(Endpoint("redeliver", log.repository, (*log.segments, delivery_id, "attempts")))

    async def comments_since(self, repository: str, since: datetime) -> AsyncIterator[WrittenComment]:
        """A repository's comments, including review comments, that were written or edited at that time or later; each
        kind oldest first.

        :param since: with a time zone
        """
        query = {"sort": "updated", "direction": "asc", "since": moment_of(since)}
        for segments in _COMMENT_LISTS:
            endpoint = Endpoint("comments_since", repository, segments, query)
            async for each in self._api.read_pages(endpoint, read_written_comment):
                yield each
