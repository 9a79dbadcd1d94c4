"""Whether GitHub and Codegen accept the bot's credentials: checked at start, and again whenever a request is refused.

A service that does not answer proves nothing: it does not make the server unready.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bot import log
from bot.codegen.client import Codegen
from bot.errors import ErrorKind, NotReadyError, Service, UpstreamError
from bot.github.client import GitHub
from bot.observer import Observer
from bot.settings.model import GitHubAccount
from bot.upstream import giving_up_after

_log = log.get(__name__)

FIRST_TIMEOUT = 5.0
"""Seconds for which the server is not ready at start, if a service does not say whether it accepts the credential."""

INTERVAL = 30.0
"""Seconds between two checks of a credential that is refused, or of which it is not known."""

SOONEST = 2.0
"""Seconds between two checks in any case, however many requests are refused."""

MOST_NAMED = 10
"""Organizations that are named."""


class CredentialRefusedError(Exception):
    """A service refuses the credential; the only argument is a sentence about it and the next step."""


Check = Callable[[], Awaitable[str]]
"""Asks a service who the bot is.

:returns: the account, in words
:raises CredentialRefusedError: if it does not accept the credential
:raises UpstreamError: if it does not answer
"""


@dataclass(frozen=True, slots=True)
class Access:
    """What is known of one service.

    :param account: who the bot is there, in words; None if that is not known
    :param refusal: why the credential is not accepted, and the next step; None if it is, or that is not known
    :param problem: why it is not known; None if it is
    """

    account: str | None = None
    refusal: str | None = None
    problem: str | None = None


@dataclass(slots=True)
class Credentials:
    """The bot's credentials.

    :param checks: by the services' names
    :param on_accepted: called with the service whenever a check finds that its credential is accepted
    :param interval: seconds between two checks while one is refused
    """

    checks: Mapping[Service, Check] = field(default_factory=dict)
    interval: float = INTERVAL
    soonest: float = SOONEST
    first_timeout: float = FIRST_TIMEOUT
    on_accepted: Callable[[Service], None] = lambda _service: None
    known: dict[Service, Access] = field(default_factory=dict)
    _suspects: set[Service] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _is_checked: asyncio.Event = field(default_factory=asyncio.Event)

    def suspect(self, service: Service) -> None:
        """Has a credential checked, because a request was refused with it."""
        if service in self.checks:
            self._suspects.add(service)
            self._wake.set()

    def ensure_accepted(self) -> None:
        """:raises NotReadyError: if a credential is refused, or not yet checked"""
        if not self._is_checked.is_set():
            raise NotReadyError("The credentials are being checked.")
        refusals = [access.refusal for access in self.known.values() if access.refusal]
        if refusals:
            raise NotReadyError(" ".join(refusals))

    async def first_checked(self) -> None:
        """Returns once all have been checked, or it takes too long."""
        await self._is_checked.wait()

    async def run(self, *, at_start: bool) -> None:
        """Checks until it is cancelled.

        :param at_start: False: only once a request was refused
        """
        if at_start:
            try:
                async with asyncio.timeout(self.first_timeout):
                    await self._check(set(self.checks))
            except TimeoutError:
                unknown = set(self.checks) - set(self.known)
                self.known |= {service: Access(problem="no response in time") for service in unknown}
        self._is_checked.set()
        while True:
            open_ = {service for service, access in self.known.items() if access.refusal or access.problem}
            try:
                async with asyncio.timeout(self.interval if open_ else None):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            due = open_ | self._suspects
            self._suspects.clear()
            await self._check(due)
            await asyncio.sleep(min(self.soonest, self.interval))

    async def _check(self, services: set[Service]) -> None:
        await asyncio.gather(*(self._check_one(service) for service in services))

    async def _check_one(self, service: Service) -> None:
        before = self.known.get(service, Access())
        try:
            with giving_up_after(self.first_timeout):
                now = Access(account=await self.checks[service]())
        except CredentialRefusedError as error:
            now = Access(refusal=str(error))
        except UpstreamError as error:
            if before.refusal is not None:
                return
            now = Access(account=before.account, problem=_reason(error))
        self.known[service] = now
        if now.refusal is not None and now.refusal != before.refusal:
            _log.error("credential.refused", service=service.value, reason=now.refusal)
        elif now.problem is not None and before.problem is None:
            _log.warning("credential.not_checked", service=service.value, reason=now.problem)
        elif now.account is not None and (before.refusal or before.problem):
            _log.info("credential.accepted", service=service.value, account=now.account)
        if now.account is not None and now.problem is None:
            self.on_accepted(service)


def refusals_observed(observer: Observer, suspect: Callable[[Service], None]) -> Observer:
    """An observer that also reports requests that were refused for their credential."""
    return _RefusalObserver(observer, suspect)


class _RefusalObserver(Observer):
    def __init__(self, observer: Observer, suspect: Callable[[Service], None]) -> None:
        self._observer = observer
        self._suspect = suspect

    def called(self, service: Service, operation: str, status: str, seconds: float) -> None:
        self._observer.called(service, operation, status, seconds)
        if status == "401":
            self._suspect(service)

    def waited(self, service: Service, limit: str, seconds: float) -> None:
        self._observer.waited(service, limit, seconds)

    def edit_dropped(self) -> None:
        self._observer.edit_dropped()


# The checks


def account_notes(account: GitHubAccount) -> list[str]:
    """Which of the GitHub settings are not used, a sentence each."""
    token, app_id, key = account.github_token, account.github_app_id, account.github_private_key
    if token is None or (app_id is None and key is None):
        return []
    if app_id is not None and key is not None:
        return ["GITHUB_TOKEN is not used: the bot acts as the GitHub App."]
    given, missing = ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY") if key is None else ("GITHUB_PRIVATE_KEY", "GITHUB_APP_ID")
    return [f"{given} is not used, because {missing} is missing: the bot acts with GITHUB_TOKEN."]


async def check_github(github: GitHub, *, is_app: bool) -> str:
    """`Check` of the account on GitHub."""
    try:
        if is_app:
            return f"the GitHub App {(await github.hooks.app()).holder}"
        return f"{(await github.account()).login} (GITHUB_TOKEN)"
    except UpstreamError as error:
        detail = _detail(error)
        if is_app and error.kind in {ErrorKind.UNAUTHORIZED, ErrorKind.NOT_FOUND}:
            raise CredentialRefusedError(
                f"GitHub does not accept the App's key{detail}. Check GITHUB_APP_ID and GITHUB_PRIVATE_KEY, and this "
                "machine's clock."
            ) from None
        if error.kind is ErrorKind.UNAUTHORIZED:
            raise CredentialRefusedError(f"GitHub does not accept GITHUB_TOKEN{detail}. Set a valid one.") from None
        raise


def _reason(error: UpstreamError) -> str:
    words = error.detail.strip().rstrip(".") or error.kind.value
    return f"{words} ({error.status})" if error.status else words


def _detail(error: UpstreamError) -> str:
    words = error.detail.strip().rstrip(".")
    return f"{f' ({error.status})' if error.status else ''}{f': {words}' if words else ''}"


async def check_codegen(codegen: Codegen, *, org_id: int) -> str:
    """`Check` of the account at Codegen, and of the organization."""
    try:
        me = await codegen.me()
        organizations = {each.id: each.name for each in await codegen.organizations()}
    except UpstreamError as error:
        if error.kind not in {ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN}:
            raise
        detail = _detail(error)
        raise CredentialRefusedError(f"Codegen does not accept CODEGEN_API_TOKEN{detail}. Set a valid one.") from None
    if org_id not in organizations:
        seen = ", ".join(f"{number} ({name})" for number, name in [*organizations.items()][:MOST_NAMED]) or "none"
        raise CredentialRefusedError(
            f"CODEGEN_API_TOKEN belongs to {me.github_username} and has no access to organization {org_id}, which "
            f"CODEGEN_ORG_ID names. It has access to: {seen}."
        )
    return f"{me.github_username}, organization {org_id} ({organizations[org_id]})"
