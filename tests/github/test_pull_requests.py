"""Repositories, pull requests and the credential of git, against the emulated GitHub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import REPOSITORY as SHOP
from bot.emulators.github.model import REPOSITORY_ID
from bot.errors import ErrorKind, UpstreamError
from bot.github.auth import AppAuth, Auth, TokenAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from bot.github.models import Repository, User
from bot.github.session import OpenSession
from tests.emulators.github.git_client import GitClient
from tests.github.test_app_permissions import register
from tests.harness.clock import Clock


@pytest.fixture
async def emulator() -> AsyncIterator[GitHubEmulator]:
    async with GitHubEmulator() as emulator:
        yield emulator


def _client(emulator: GitHubEmulator, session: OpenSession, clock: Clock, auth: Auth) -> GitHub:
    def budget() -> ContentBudget:
        return ContentBudget(clock=clock, sleep=clock.sleep)

    return GitHub(session, auth, base_url=emulator.url, sleep=clock.sleep, new_budget=budget)


@pytest.fixture
def github(emulator: GitHubEmulator, session: OpenSession, clock: Clock) -> GitHub:
    return _client(emulator, session, clock, TokenAuth("bot-token"))


async def _create(github: GitHub, head: str = "tax") -> int:
    created = await github.create_pull_request(SHOP, title="Add tax", body="At last.", head=head, base="main")
    return created.number


async def test_repository_is_read_whole(emulator: GitHubEmulator, github: GitHub) -> None:
    assert await github.repository(SHOP) == Repository(
        id=REPOSITORY_ID,
        name="octo/shop",
        clone_url=f"{emulator.url}/octo/shop.git",
        default_branch="main",
        is_private=True,
        description="A shop.",
        language="Python",
    )


async def test_repositories_of_a_token(emulator: GitHubEmulator, github: GitHub) -> None:
    emulator.add_repository("octo/Tax", {"alice": "admin"})
    found = await github.repositories()
    assert [each.name for each in found] == ["octo/shop", "octo/Tax"]
    assert found[1].description == found[1].language == ""


async def test_repositories_of_a_workflows_token(emulator: GitHubEmulator, session: OpenSession, clock: Clock) -> None:
    github = _client(emulator, session, clock, TokenAuth("actions-token"))
    assert [each.name for each in await github.repositories()] == ["octo/shop"]


async def test_repositories_of_an_app(emulator: GitHubEmulator, session: OpenSession, clock: Clock) -> None:
    app, pem = await register(emulator, {})
    for number in range(120):
        emulator.add_repository(f"octo/{number}", {app.login: "write"})
    github = _client(emulator, session, clock, AppAuth(str(app.id), pem))
    assert len(await github.repositories()) == 121
    emulator.world.suspended_at = emulator.world.now()
    assert await github.repositories() == []


async def test_user_with_the_address_of_commits(github: GitHub) -> None:
    bob = await github.user(SHOP, "bob")
    assert bob == User(id=bob.id if bob else 0, login="bob", name="Bob")
    assert bob.commit_email == f"{bob.id}+bob@users.noreply.github.com"
    assert await github.user(SHOP, "nobody") is None
    bot = await github.user(SHOP, "codegen-bot[bot]")
    assert bot is not None
    assert bot.is_bot


async def test_create_find_and_edit_a_pull_request(emulator: GitHubEmulator, github: GitHub) -> None:
    emulator.world.files["tax", "tax.py"] = "RATE = 0.2\n"
    assert await github.find_pull_request(SHOP, "tax") is None
    number = await _create(github)
    found = await github.find_pull_request(SHOP, "tax", base="main")
    assert found is not None
    assert (found.number, found.title, found.head_branch, found.base_branch) == (number, "Add tax", "tax", "main")
    assert (found.is_open, found.is_fork, found.head_repository, found.repository) == (True, False, SHOP, SHOP)
    assert found.head_sha == await emulator.git.commit(SHOP, "tax")
    edited = await github.edit_pull_request(SHOP, number, title="Add the tax", state="closed")
    assert (edited.title, edited.body, edited.is_open) == ("Add the tax", "At last.", False)
    assert await github.find_pull_request(SHOP, "tax") is None


async def test_set_draft(emulator: GitHubEmulator, github: GitHub) -> None:
    for is_draft in (True, True, False):
        assert (await github.set_draft(SHOP, 1, is_draft=is_draft)).is_draft is is_draft
        assert (await github.pull_request(SHOP, 1)).is_draft is is_draft
    assert len([entry for entry in emulator.control.journal if entry.path == "/graphql"]) == 2


async def test_set_draft_without_write_access(emulator: GitHubEmulator, session: OpenSession, clock: Clock) -> None:
    stranger = _client(emulator, session, clock, TokenAuth("as-carol"))
    with pytest.raises(UpstreamError) as caught:
        await stranger.set_draft(SHOP, 1, is_draft=True)
    assert (caught.value.kind, caught.value.operation) == (ErrorKind.FORBIDDEN, "set_draft")
    with pytest.raises(UpstreamError) as caught:
        await stranger.set_draft(SHOP, 99, is_draft=True)
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_create_pull_request_returns_the_open_one(emulator: GitHubEmulator, github: GitHub) -> None:
    emulator.world.files["tax", "tax.py"] = "RATE = 0.2\n"
    assert await _create(github) == await _create(github)
    await github.edit_pull_request(SHOP, await _create(github), state="closed")
    assert await _create(github) == 4


async def test_create_pull_request_whose_response_was_lost(emulator: GitHubEmulator, github: GitHub) -> None:
    emulator.world.files["tax", "tax.py"] = "RATE = 0.2\n"
    emulator.control.fault(path="/pulls$", method="POST", status=502, after_work=True)
    number = await _create(github)
    assert (number, len(emulator.world.pull_requests())) == (3, 2)


@pytest.mark.parametrize("head", ["nowhere", "main"])
async def test_create_pull_request_without_changes(github: GitHub, head: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        await _create(github, head)
    assert (caught.value.kind, caught.value.operation) == (ErrorKind.INVALID, "create_pull_request")


async def test_find_pull_request_ignores_forks(emulator: GitHubEmulator, github: GitHub) -> None:
    thread = await emulator.open_pull_request("dave", "Add tax", "tax", {"tax.py": "RATE = 0.2\n"}, fork=True)
    assert await github.find_pull_request(SHOP, "tax") is None
    found = await github.pull_request(SHOP, thread.number)
    assert (found.is_fork, found.head_repository) == (True, "dave/shop")
    thread.head_repository = None
    found = await github.pull_request(SHOP, thread.number)
    assert (found.is_fork, found.head_repository) == (True, None)


async def test_git_token_clones(emulator: GitHubEmulator, session: OpenSession, clock: Clock, tmp_path: Path) -> None:
    app, pem = await register(emulator, {})
    github = _client(emulator, session, clock, AppAuth(str(app.id), pem))
    token = await github.git_token(SHOP)
    assert await github.git_token(SHOP) == token
    assert (await GitClient(emulator.url, tmp_path, token).clone() / "README.md").exists()
    again = await github.git_token(SHOP, rejected=token)
    assert again != token


async def test_git_token_of_a_plain_token(github: GitHub) -> None:
    assert await github.git_token(SHOP) == await github.git_token(SHOP, rejected="bot-token") == "bot-token"
