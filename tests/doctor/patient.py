"""A bot to be examined, between both emulators; everything is right until a test makes it wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.doctor.examine import PATIENCE, examine
from bot.doctor.finding import Finding, Severity
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from bot.settings import Settings


class Patient:
    """One bot.

    :param private_key: of the App
    """

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path, private_key: str) -> None:
        self.github = github
        self.codegen = codegen
        self.folder = folder
        self.private_key = private_key
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def examined(
        self, *, about: str | None = None, as_app: bool = True, patience: float = PATIENCE, **settings: Any
    ) -> list[Finding]:
        """All that is found."""
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
        return await examine(Settings.model_validate(given), about=about, now=self.now, patience=patience)

    async def ails(
        self, *, about: str | None = None, as_app: bool = True, patience: float = PATIENCE, **settings: Any
    ) -> list[str]:
        """What is not right, a line each, as it is shown; folder and ports evened."""
        found = await self.examined(about=about, as_app=as_app, patience=patience, **settings)
        return [self.evened(each) for each in found if each.level is not Severity.OK]

    def evened(self, found: Finding) -> str:
        line = f"{found.level} {found.about}: {found.sentence} -> {found.fix}"
        for there, shown in ((str(self.folder), "FOLDER"), (self.github.url, "GITHUB"), (self.codegen.url, "CODEGEN")):
            line = line.replace(there, shown)
        return line
