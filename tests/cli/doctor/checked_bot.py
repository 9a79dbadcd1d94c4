"""A correctly set-up bot between both emulators, for the checks; tests break parts of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.agents.config import AgentsConfig
from bot.cli.doctor.checks import TIMEOUT, run_checks
from bot.cli.doctor.session import Finding, Severity
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.settings.loading import PartialSettings
from bot.settings.model import Settings

HOOK_URL = "http://127.0.0.1:9/webhooks/github"


class CheckedBot:
    """A bot and its emulators.

    :param private_key: of the App
    """

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path, private_key: str) -> None:
        self.github = github
        self.codegen = codegen
        self.folder = folder
        self.private_key = private_key
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def findings(
        self,
        *,
        about: str | None = None,
        as_app: bool = True,
        seconds: float = TIMEOUT,
        agents: AgentsConfig | None = None,
        **settings: Any,
    ) -> list[Finding]:
        """All findings."""
        account = {"github_app_id": "1", "github_private_key": self.private_key}
        given = {
            "codegen_api_token": "sk-org1-doctor",
            "codegen_org_id": 1,
            "codegen_api_base_url": self.codegen.url,
            "github_api_url": self.github.url,
            "github_webhook_secret": "the webhook's secret",
            "database_url": f"sqlite:///{self.folder}/bot.sqlite",
            **(account if as_app else {"github_token": "bot-token"}),
            **settings,
        }
        return await run_checks(
            PartialSettings(Settings.model_validate(given), {}),
            agents=agents,
            repository=about,
            now=self.now,
            timeout=seconds,
        )

    async def problems(
        self, *, about: str | None = None, as_app: bool = True, seconds: float = TIMEOUT, **settings: Any
    ) -> list[str]:
        """The warnings and errors, one line each, with folder and ports normalized."""
        found = await self.findings(about=about, as_app=as_app, seconds=seconds, **settings)
        return [self.normalized(each) for each in found if each.level is not Severity.OK]

    def normalized(self, found: Finding) -> str:
        line = f"{found.level} {found.subject}: {found.sentence} -> {found.fix}"
        for there, shown in ((str(self.folder), "FOLDER"), (self.github.url, "GITHUB"), (self.codegen.url, "CODEGEN")):
            line = line.replace(there, shown)
        return line
