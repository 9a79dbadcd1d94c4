"""A fifth of all requests goes wrong in both worlds, webhooks come twice and late: every command has its outcome."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.app.clients import Timing
from bot.app.server import serving
from bot.settings import Settings
from tests.chaos import ROUNDS, SEEDS
from tests.chaos.asks import DAYS
from tests.chaos.worlds import Worlds, both_worlds, settled
from tests.emulator.github.people import App
from tests.harness.databases import migrated_sqlite
from tests.harness.processes import SECRET

USED_UP = "the plan's runs are used up"
"""What a 402 comes to; nothing else may keep a command from its end."""

AS_PERSON = {"github_token": "bot-token"}


async def _nap(seconds: float) -> None:
    """Waits that the bot makes before it tries again are cut short."""
    await asyncio.sleep(min(seconds, 0.01))


@asynccontextmanager
async def _bot(worlds: Worlds, folder: Path, **identity: str) -> AsyncIterator[None]:
    settings: dict[str, Any] = {
        "codegen_api_token": "sk-org1-chaos",
        "codegen_org_id": 1,
        "codegen_api_base_url": worlds.codegen.url,
        "github_api_url": worlds.github.url,
        "github_webhook_secret": SECRET,
        "database_url": migrated_sqlite(folder / "bot.sqlite"),
        "port": 0,
        "progress_interval_seconds": 0.2,
        **identity,
    }
    timing = Timing(
        shortest=0.05,
        longest=0.1,
        write_gap=0.0,
        write_windows=(),
        polling_interval=0.05,
        codegen_windows={},
        sleep=_nap,
    )
    async with serving(Settings.model_validate(settings), timing=timing) as url:
        worlds.github.webhooks.url = f"{url}/webhooks/github"
        yield


def _as_app() -> dict[str, str]:
    return {"github_app_id": "1", "github_private_key": App().private_pem}


def _inject_faults(worlds: Worlds, seed: int, **plan: Any) -> None:
    for world in (worlds.codegen, worlds.github):
        world.control.inject_faults(seed=seed, delay=0.1, **plan)
    worlds.github.webhooks.inject_faults(seed=seed, longest=0.3)


@pytest.mark.parametrize("identity", ["person", "app"])
@pytest.mark.parametrize("burst", [1, 4])
@pytest.mark.parametrize("seed", SEEDS)
async def test_in_injected_faults_every_command_has_its_outcome(
    seed: int, burst: int, identity: str, tmp_path: Path
) -> None:
    if ROUNDS == 1 and (burst == 4) != (identity == "app"):
        pytest.skip("two of the four suffice in the suite")
    async with both_worlds(timing=0.2) as worlds, _bot(worlds, tmp_path, **_identity(identity)):
        worlds.pardons = lambda body: USED_UP in body
        _inject_faults(worlds, seed, rate=0.2, burst=burst, most_in_a_row=2)
        await _all_days(worlds, seed)


@pytest.mark.parametrize("seed", SEEDS)
async def test_in_faults_that_do_not_pass_a_command_that_fails_says_what_to_do_next(seed: int, tmp_path: Path) -> None:
    """No limit to how often the same request goes wrong: some commands fail for good, none is silent, none runs twice."""
    async with both_worlds(timing=0.2) as worlds, _bot(worlds, tmp_path, **AS_PERSON):
        worlds.pardons = lambda body: USED_UP in body or "Next: " in body
        worlds.reactions = False
        _inject_faults(worlds, seed, rate=0.35)
        await _all_days(worlds, seed)


async def _all_days(worlds: Worlds, seed: int) -> None:
    dice = random.Random(seed)
    try:
        for day in DAYS:
            asks = [*day()]
            dice.shuffle(asks)
            for ask in asks:
                worlds.ask(ask)
            await settled(worlds, seconds=60)
        await worlds.github.idle()
        assert worlds.problems() == []
    except AssertionError as error:
        error.add_note(f"CHAOS_SEED={seed}")
        raise
    # Of both together: Codegen is asked so seldom that all bursts may pass between two of its requests.
    fault_injectors = [world.control.fault_injector for world in (worlds.github, worlds.codegen)]
    assert sum(fault_injector.hits.total() for fault_injector in fault_injectors if fault_injector is not None)


def _identity(name: str) -> dict[str, str]:
    return _as_app() if name == "app" else AS_PERSON
