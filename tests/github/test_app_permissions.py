"""An App with what the manifest asks for can make every call there is, and with any bit less it cannot."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from bot.emulators.github import GitHubEmulator
from bot.emulators.github.access import allows
from bot.emulators.github.apps import AccountOperations, RepositoryHookOperations
from bot.emulators.github.comments import CommentOperations
from bot.emulators.github.model import App
from bot.emulators.github.pull_requests import PullRequestOperations
from bot.emulators.github.repository import CodeOperations, ThreadOperations
from bot.emulators.operations import operations
from bot.errors import ErrorKind, UpstreamError
from bot.github.auth import AppAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from bot.github.permissions import NEEDS, OWN_AGENTS_NEEDS, needed
from bot.github.session import OpenSession
from bot.github.transport import USER_AGENT
from bot.metrics import READ_EVENTS
from tests.emulators.github.git_client import GitClient
from tests.emulators.github.permissions import beyond_manifest
from tests.github.calls import CALLS, HOOK_CALLS
from tests.harness.clock import Clock
from tests.harness.documents import ROOT

APP_CALLS = {"app", "installations", "deliveries of the App", "redeliver for the App", "comments_since"}
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
    _, pem = await emulator.manifests.convert(code)
    app.permissions.update(permissions)
    emulator.world.install(app)
    return app, pem


async def refused(
    emulator: GitHubEmulator, session: OpenSession, clock: Clock, permissions: Mapping[str, str]
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
    emulator.world.add_check_run("test", emulator.world.threads[1].head_sha, conclusion="failure")
    found = set()

    async def attempt(name: str) -> None:
        comment, remark = emulator.comment("carol", 1, "Is this right?"), emulator.review_comment("bob", 1, "Why?")
        await emulator.idle()
        try:
            await (CALLS[name](github, comment.id, remark.id) if name in CALLS else HOOK_CALLS[name](github))
        except UpstreamError as error:
            if error.kind is not ErrorKind.FORBIDDEN:
                raise
            found.add(error.operation)

    for name in (*CALLS, *APP_CALLS):
        if name not in OWN_AGENTS_NEEDS:
            await attempt(name)
    return found


async def test_manifest_permissions_suffice_and_are_all_used(
    emulator: GitHubEmulator, session: OpenSession, clock: Clock
) -> None:
    assert await refused(emulator, session, clock, needed()) == set()
    rules = {entry.permission for entry in emulator.control.journal if entry.permission and entry.agent == USER_AGENT}
    enough = [each for each in _smaller(needed()) if all(allows(each, rule) for rule in rules)]
    assert not enough, "less would do than the manifest asks for"


@pytest.mark.parametrize("own_agents", [True, False])
async def test_manifest_permissions_let_own_agents_push(
    emulator: GitHubEmulator, session: OpenSession, tmp_path: Path, *, own_agents: bool
) -> None:
    app, pem = await register(emulator, needed(own_agents=own_agents))
    token = await GitHub(session, AppAuth(str(app.id), pem), base_url=emulator.url).git_token("octo/shop")
    git = GitClient(emulator.url, tmp_path, token)
    pushed = await git.push(await git.clone(), "HEAD:refs/heads/new")
    assert (pushed.status == 0) is own_agents, pushed.errors
    beyond = [] if own_agents else ["GET /octo/shop.git/info/refs: contents=write"]
    assert beyond_manifest(emulator.control.journal, own_agents=own_agents) == beyond


def test_manifest_permissions_are_each_needed_by_a_call() -> None:
    """A call that only the client defines is no reason to ask for a permission."""
    client = ROOT / "bot/github/client.py"
    trees = [ast.parse(path.read_text()) for path in (ROOT / "bot").rglob("*.py") if path != client]
    named = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    made = [need.permissions for call, need in NEEDS.items() if call in named]
    assert [name for name, level in needed().items() if not any(each.get(name) == level for each in made)] == []


def _smaller(permissions: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The same permissions with one of them at a lower level, or without it."""
    for name, level in permissions.items():
        for lower in ("", "read") if level == "write" else ("",):
            yield {**permissions, name: lower}


@pytest.mark.parametrize(("name", "level"), WITHOUT)
async def test_call_with_less_permission_is_refused(
    emulator: GitHubEmulator, session: OpenSession, clock: Clock, name: str, level: str
) -> None:
    calls = await refused(emulator, session, clock, {**needed(), name: level})
    assert calls
    needing = {call for call, need in NEEDS.items() if need.permissions.get(name, "") > level}
    alone = {call for call in needing if len(NEEDS[call].permissions) == 1}
    assert alone <= calls <= needing


@pytest.mark.parametrize(
    "handlers",
    [
        *(AccountOperations, CodeOperations, CommentOperations, PullRequestOperations),
        *(RepositoryHookOperations, ThreadOperations),
    ],
)
def test_emulator_operations_each_need_a_permission(handlers: type) -> None:
    """Except those that GitHub opens to every token, or to no installation."""
    free = {address for address, options, _ in operations(handlers) if "permission" not in options}
    assert free <= {"GET /user", "GET /user/repos", "POST /graphql", "GET /users/{username}", "GET /rate_limit"}
