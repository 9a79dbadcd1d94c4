"""The clients for the checks, and what the response headers reveal in passing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bot.app.clients import auth_of, is_app
from bot.codegen.client import Codegen
from bot.codegen.limits import RateLimits
from bot.codegen.transport import new_http
from bot.errors import Service
from bot.github.client import GitHub
from bot.github.header_observer import HearingSession
from bot.github.transport import new_session
from bot.settings import Settings

LONGEST_PAUSE = 0.3
"""Seconds before a retry: the user is waiting, and a service that does not answer now is the finding."""


@dataclass(slots=True)
class Heard:
    """Information from response headers.

    :param ahead: seconds by which each service's clock is ahead of ours
    :param scopes: the scopes of a classic GitHub token; None for other kinds
    """

    now: Callable[[], datetime]
    ahead: dict[Service, float] = field(default_factory=dict)
    scopes: frozenset[str] | None = None

    def note(self, service: Service, headers: Mapping[str, str]) -> None:
        if (scopes := headers.get("x-oauth-scopes")) is not None and service is Service.GITHUB:
            self.scopes = frozenset(part.strip() for part in scopes.split(",") if part.strip())
        try:
            moment = parsedate_to_datetime(headers.get("date", ""))
        except ValueError:
            return
        if moment.tzinfo is not None:
            # The header has whole seconds: on average half a second more has passed.
            self.ahead[service] = (moment - self.now()).total_seconds() + 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorSession:
    """What the checks work with.

    :param repository: ``owner/name``, the one to check; None: none
    """

    settings: Settings
    codegen: Codegen
    github: GitHub
    heard: Heard
    repository: str | None

    @property
    def is_app(self) -> bool:
        return is_app(self.settings)


@asynccontextmanager
async def visiting(
    settings: Settings, *, repository: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AsyncIterator[DoctorSession]:
    """:raises SettingsError: if the App's key cannot sign"""
    heard = Heard(now)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(new_http(hear=lambda headers: heard.note(Service.CODEGEN, headers)))
        session = await stack.enter_async_context(new_session())
        yield DoctorSession(
            settings=settings,
            codegen=Codegen(
                settings.codegen_api_token.get_secret_value(),
                org_id=settings.codegen_org_id,
                base_url=settings.codegen_api_base_url,
                http=http,
                limits=RateLimits(),
                sleep=_pause,
            ),
            github=GitHub(
                HearingSession(session, lambda headers: heard.note(Service.GITHUB, headers)),
                auth_of(settings),
                base_url=settings.github_api_url,
                sleep=_pause,
            ),
            heard=heard,
            repository=repository,
        )


async def _pause(seconds: float) -> None:
    await asyncio.sleep(min(seconds, LONGEST_PAUSE))
