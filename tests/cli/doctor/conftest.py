"""A correctly set-up bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands.labels import label_of
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.execution.repository_config.model import LabelRole, RepositoryConfig
from tests.cli.doctor.checked_bot import HOOK_URL, CheckedBot
from tests.emulators.github.people import App


@pytest.fixture(scope="module")
def private_key() -> str:
    return App().private_pem


@pytest.fixture
async def checked(tmp_path: Path, private_key: str) -> AsyncIterator[CheckedBot]:
    github = GitHubEmulator(webhook_secret="the webhook's secret")
    async with CodegenEmulator(run_seconds=None) as codegen, github:
        github.webhooks.url = HOOK_URL
        github.comment("bob", 1, "hello")
        await github.idle()
        github.deliveries[0].status_code, github.deliveries[0].status = 200, "OK"
        for role in LabelRole:
            github.world.add_label(label_of(role, RepositoryConfig().labels).name)
        yield CheckedBot(github, codegen, tmp_path, private_key)
