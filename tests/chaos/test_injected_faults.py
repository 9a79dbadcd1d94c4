"""A fifth of all requests to both emulators fails, webhooks arrive twice and late: every command has its outcome."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.codegen.polling import PollInterval
from tests.chaos import ROUNDS, SEEDS
from tests.chaos.user_actions import DAYS
from tests.chaos.worlds import Worlds, both_worlds, settled
from tests.emulators.fault_injection import FaultInjector, inject_faults
from tests.emulators.github.people import App
from tests.harness.databases import migrated_sqlite
from tests.harness.server import quick_timing, running_server

USED_UP = "the plan's runs are used up"
"""What a 402 comes to; nothing else may keep a command from its end."""

AS_PERSON = {"github_token": "bot-token"}


@asynccontextmanager
async def _bot(worlds: Worlds, folder: Path, **identity: str) -> AsyncIterator[None]:
    database_url = migrated_sqlite(folder / "bot.sqlite")
    timing = quick_timing(run_poll_interval=PollInterval(0.05, 0.1), polling_interval=0.05)
    settings: dict[str, Any] = {"github_token": None, "progress_interval_seconds": 0.2, **identity}
    async with running_server(worlds.github, worlds.codegen, database_url, timing=timing, **settings):
        yield


def _as_app() -> dict[str, str]:
    return {"github_app_id": "1", "github_private_key": App().private_pem}


def _inject_faults(worlds: Worlds, seed: int, **plan: Any) -> list[FaultInjector]:
    worlds.github.webhooks.inject_faults(seed=seed, longest=0.3)
    return [inject_faults(emulator, seed=seed, delay=0.1, **plan) for emulator in (worlds.codegen, worlds.github)]


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
        injectors = _inject_faults(worlds, seed, rate=0.2, burst=burst, most_in_a_row=2)
        await _all_days(worlds, seed, injectors)


@pytest.mark.parametrize("seed", SEEDS)
async def test_command_that_fails_for_good_says_what_to_do_next(seed: int, tmp_path: Path) -> None:
    """The same request may fail any number of times: some commands fail permanently, each has a reply, none runs twice."""
    async with both_worlds(timing=0.2) as worlds, _bot(worlds, tmp_path, **AS_PERSON):
        worlds.pardons = lambda body: USED_UP in body or "Next: " in body
        worlds.reactions = False
        injectors = _inject_faults(worlds, seed, rate=0.35)
        await _all_days(worlds, seed, injectors)


async def _all_days(worlds: Worlds, seed: int, injectors: list[FaultInjector]) -> None:
    dice = random.Random(seed)
    try:
        for day in DAYS:
            actions = [*day()]
            dice.shuffle(actions)
            for action in actions:
                worlds.perform(action)
            await settled(worlds)
        await worlds.github.idle()
        assert worlds.problems() == []
    except AssertionError as error:
        error.add_note(f"CHAOS_SEED={seed}")
        raise
    # Of both together: Codegen gets so few requests that all bursts may pass between two of them.
    assert sum(injector.hits.total() for injector in injectors)


def _identity(name: str) -> dict[str, str]:
    return _as_app() if name == "app" else AS_PERSON
