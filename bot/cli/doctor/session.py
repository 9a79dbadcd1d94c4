"""The findings, the clients for the checks, and what the response headers reveal in passing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from bot.app.clients import Clients, Timing, is_app, open_clients
from bot.cli.screen import in_words
from bot.errors import ErrorKind, Service, UpstreamError
from bot.github.client import GitHub
from bot.settings.model import Settings

LONGEST_PAUSE = 0.3
"""Seconds before a retry: the user is waiting, and a service that does not answer now is the finding."""


class Severity(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    :param subject: in a word or two
    :param fix: what to do; empty if nothing
    """

    level: Severity
    subject: str
    sentence: str
    fix: str = ""


def ok(subject: str, sentence: str) -> Finding:
    return Finding(Severity.OK, subject, sentence)


def warning(subject: str, sentence: str, fix: str) -> Finding:
    return Finding(Severity.WARNING, subject, sentence, fix)


def error(subject: str, sentence: str, fix: str) -> Finding:
    return Finding(Severity.ERROR, subject, sentence, fix)


def failure(subject: str, failed: UpstreamError, fix: str) -> Finding:
    """A failed request.

    :param fix: what to do if the service rejected the request
    """
    if failed.kind in {ErrorKind.NETWORK, ErrorKind.SERVER_FAULT, ErrorKind.BAD_ANSWER, ErrorKind.RATE_LIMITED}:
        setting = "CODEGEN_API_BASE_URL" if failed.service is Service.CODEGEN else "GITHUB_API_URL"
        fix = f"Try again. If it keeps failing, check {setting} and that this machine can reach it."
    return error(subject, in_words(failed), fix)


@dataclass(slots=True)
class HeaderNotes:
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
    clients: Clients
    headers: HeaderNotes
    repository: str | None

    @property
    def github(self) -> GitHub:
        return self.clients.github

    @property
    def is_app(self) -> bool:
        return is_app(self.settings)


@asynccontextmanager
async def open_session(
    settings: Settings, *, repository: str | None, now: Callable[[], datetime]
) -> AsyncIterator[DoctorSession]:
    """:raises SettingsError: if the App's key cannot sign"""
    notes = HeaderNotes(now)
    async with open_clients(settings, Timing(sleep=_pause), on_response=notes.note, has_few_requests=True) as opened:
        yield DoctorSession(settings=settings, clients=opened, headers=notes, repository=repository)


async def _pause(seconds: float) -> None:
    await asyncio.sleep(min(seconds, LONGEST_PAUSE))
