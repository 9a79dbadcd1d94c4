"""An App with what the manifest asks for can make every call there is, and with any bit less it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest

from bot.emulator.github import GitHubEmulator
from bot.emulator.github.code import add_check_run
from bot.emulator.github.permissions import RULES, UNASKED
from bot.emulator.github.world import App
from bot.errors import ErrorKind, UpstreamError
from bot.github.auth import AppAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from bot.github.permissions import NEEDS, needed
from bot.measures import READ_EVENTS
from tests.github.answering import Clock
from tests.github.asks import ASKS, HOOK_ASKS

APPS_ASKS = {"app", "installations", "deliveries of the App", "redeliver for the App", "comments_since"}
"""Those about hooks that the bot makes where it is an App."""

WITHOUT = [(name, "") for name in needed()] + [(name, "read") for name, level in needed().items() if level == "write"]


@pytest.fixture
async def emulator() -> AsyncIterator[GitHubEmulator]:
    async with GitHubEmulator() as emulator:
        yield emulator


async def register(emulator: GitHubEmulator, permissions: Mapping[str, str]) -> tuple[App, str]:
    """An App that is installed, and its key.

    :param permissions: what it is granted otherwise than it asked for
    """
    manifest = {
        "name": "The bot",
        "url": "https://bot.example.com",
        "hook_attributes": {"url": "http://127.0.0.1:9/webhooks/github"},
        "default_permissions": needed(),
        "default_events": [*READ_EVENTS],
    }
    app, code = emulator.manifests.create(manifest, owner="octo", base=emulator.url)
    made = await emulator.manifests.convert(code)
    app.permissions.update(permissions)
    emulator.world.install(app)
    return app, made.pem


async def refused(
    emulator: GitHubEmulator, session: aiohttp.ClientSession, clock: Clock, permissions: Mapping[str, str]
) -> set[str]:
    """The names of the calls that GitHub refuses to an App of these permissions, when it makes all there are."""
    app, pem = await register(emulator, permissions)
    github = GitHub(
        session,
        AppAuth(str(app.id), pem),
        base_url=emulator.url,
        sleep=clock.sleep,
        new_budget=lambda: ContentBudget(clock=clock, sleep=clock.sleep),
    )
    add_check_run(emulator.world, "test", emulator.world.threads[1].head_sha, conclusion="failure")
    found = set()

    async def attempt(name: str) -> None:
        comment, remark = emulator.comment("carol", 1, "Is this right?"), emulator.review_comment("bob", 1, "Why?")
        await emulator.idle()
        try:
            await (ASKS[name](github, comment.id, remark.id) if name in ASKS else HOOK_ASKS[name](github))
        except UpstreamError as error:
            if error.kind is not ErrorKind.FORBIDDEN:
                raise
            found.add(error.operation)

    for name in (*ASKS, *APPS_ASKS):
        await attempt(name)
    return found


async def test_what_the_manifest_asks_for_is_enough_for_every_call_and_all_of_it_is_used(
    emulator: GitHubEmulator, session: aiohttp.ClientSession, clock: Clock
) -> None:
    assert await refused(emulator, session, clock, needed()) == set()
    assert emulator.permissions.used == needed()


@pytest.mark.parametrize(("name", "level"), WITHOUT)
async def test_with_any_bit_less_a_call_is_refused_that_needs_it(
    emulator: GitHubEmulator, session: aiohttp.ClientSession, clock: Clock, name: str, level: str
) -> None:
    calls = await refused(emulator, session, clock, {**needed(), name: level})
    assert calls
    needing = {call for call, need in NEEDS.items() if need.permissions.get(name, "") > level}
    alone = {call for call in needing if len(NEEDS[call].permissions) == 1}
    assert alone <= calls <= needing


def test_every_address_has_its_rule(emulator: GitHubEmulator) -> None:
    """But those that take the App's key, or nobody's."""
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in emulator.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    asked = {route for route in routes if " /repos/" in route or route in UNASKED}
    others = {route for route in asked if not route.endswith("/installation")}
    assert others <= {*RULES, *UNASKED}
    assert {*RULES, *UNASKED} <= routes
