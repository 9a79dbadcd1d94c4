"""What a server says once it has started: where it is, and as whom it acts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from bot import log
from bot.app.clients import Clients, is_app
from bot.app.credentials import Access, Check, Credentials, account_notes, check_codegen, check_github
from bot.codegen.client import Codegen
from bot.errors import Service
from bot.settings.model import Settings
from bot.tasks import running

_log = log.get(__name__)

WEBHOOK_PATH = "/webhooks/github"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartReport:
    """:param url: of the server, for this machine or, if PUBLIC_URL names it, for all
    :param agents: the names of the agents of one's own; empty: runs go to Codegen
    :param notes: about settings that are not used
    """

    url: str
    github: Access
    codegen: Access | None
    agents: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def dashboard(self) -> str:
        return f"{self.url}/"

    @property
    def webhook(self) -> str:
        return f"{self.url}{WEBHOOK_PATH}"

    @property
    def refusals(self) -> tuple[str, ...]:
        return tuple(each.refusal for each in (self.github, self.codegen) if each is not None and each.refusal)

    def text(self) -> str:
        """For people, several lines."""
        lines = [
            ("Dashboard", self.dashboard),
            ("Webhook", self.webhook),
            ("GitHub", _in_words(self.github)),
            *([("Agents", ", ".join(self.agents))] if self.agents else ()),
            *([("Codegen", _in_words(self.codegen))] if self.codegen is not None else ()),
            *(("Note", note) for note in self.notes),
        ]
        head = "codegen-bot is not ready: a credential is refused." if self.refusals else "codegen-bot is ready."
        return "\n".join([head, *(f"  {name:<10} {value}" for name, value in lines)])


def _in_words(access: Access) -> str:
    if access.refusal is not None:
        return access.refusal
    if access.account is not None:
        return access.account
    return f"not checked: {access.problem or 'no response'}"


def credential_checks(
    settings: Settings, clients: Clients, *, codegen: Codegen | None, org_id: int
) -> dict[Service, Check]:
    """:param codegen: Codegen's client; None: it is not used
    :param org_id: the organization there
    """
    checks: dict[Service, Check] = {Service.GITHUB: partial(check_github, clients.github, is_app=is_app(settings))}
    if codegen is not None:
        checks[Service.CODEGEN] = partial(check_codegen, codegen, org_id=org_id)
    return checks


@asynccontextmanager
async def checked_credentials(
    credentials: Credentials,
    settings: Settings,
    url: str,
    *,
    agents: Collection[str],
    at_start: bool,
    on_ready: Callable[[StartReport], None],
) -> AsyncIterator[None]:
    """Checks the credentials while the context lasts, and reports once what the first check found.

    :param url: of the server
    :param agents: the names of the agents of one's own
    """
    notes = account_notes(settings)
    for note in notes:
        _log.warning("setting.not_used", reason=note)

    async def report() -> None:
        await credentials.first_checked()
        known = credentials.known
        made = StartReport(
            url=settings.public_url or url.replace("//0.0.0.0:", "//localhost:"),
            github=known.get(Service.GITHUB, Access()),
            codegen=known.get(Service.CODEGEN, Access()) if Service.CODEGEN in credentials.checks else None,
            agents=tuple(agents),
            notes=tuple(notes),
        )
        values = {"codegen": _in_words(made.codegen)} if made.codegen is not None else {}
        values |= {"agents": ", ".join(made.agents)} if made.agents else {}
        _log.info(
            "server.started", dashboard=made.dashboard, webhook=made.webhook, github=_in_words(made.github), **values
        )
        on_ready(made)

    async with running(credentials.run(at_start=at_start), *([report()] if at_start else ())):
        yield
