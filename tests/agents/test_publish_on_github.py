"""Workspaces and publishing against the emulated GitHub: git over HTTP, with the bot's own client and tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.agents.model import TurnError
from bot.agents.publishing.model import PublishRequest, UnpublishedError, account_identity
from bot.agents.publishing.publisher import Publisher
from bot.agents.workspace.model import Workspace, WorkspaceRequest
from bot.agents.workspace.workspaces import Workspaces
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import APP_ID
from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.session import new_session

REPOSITORY = "octo/shop"
REQUEST = PublishRequest(asked="Fix the checkout", agent="opencode", author=account_identity("codegen-bot[bot]", 99))

Bot = Callable[[str], Publisher]


@pytest.fixture
async def emulator() -> AsyncIterator[GitHubEmulator]:
    async with GitHubEmulator(limits=False) as emulator:
        yield emulator


@pytest.fixture
async def bot(emulator: GitHubEmulator, tmp_path: Path) -> AsyncIterator[Bot]:
    """Makes a bot with a token."""
    async with new_session() as session:

        def with_token(token: str) -> Publisher:
            github = GitHub(session, TokenAuth(token), base_url=emulator.url)
            return Publisher(workspaces=Workspaces(root=tmp_path / "agents", github=github), github=github)

        yield with_token


async def opened(publisher: Publisher, number: int | None = None, run_id: int = 12) -> Workspace:
    request = WorkspaceRequest(run_id=run_id, repository=REPOSITORY, pull_request=number, slug="fix the checkout")
    return await publisher.workspaces.open(request)


def installation_token(emulator: GitHubEmulator, **permissions: str) -> str:
    app = emulator.world.apps[APP_ID]
    app.permissions.update(permissions)
    return emulator.tokens.create(3600.0, app)


async def test_issue_gets_a_pull_request(bot: Bot, emulator: GitHubEmulator) -> None:
    publisher = bot(installation_token(emulator))
    workspace = await opened(publisher)
    (workspace.worktree / "app/checkout.py").write_text("TOTAL = 1\n")

    published = await publisher.publish(workspace, REQUEST)

    assert published.pull_request is not None
    assert (published.pull_request.title, published.pull_request.base_branch) == ("Fix the checkout", "main")
    assert published.pull_request.head_sha == published.commit
    assert await emulator.git.texts(REPOSITORY, published.branch) == {
        **emulator.world.texts(REPOSITORY)["main"],
        "app/checkout.py": "TOTAL = 1\n",
    }


async def test_pull_request_gets_a_commit_and_follows_pushes(bot: Bot, emulator: GitHubEmulator) -> None:
    publisher = bot("bot-token")
    workspace = await opened(publisher, 1)
    (workspace.worktree / "mine.py").write_text("1\n")
    await emulator.push("alice", workspace.branch, {"theirs.py": "1\n"})

    published = await publisher.publish(workspace, REQUEST)

    assert published.notes == ()
    assert published.pull_request is not None
    assert published.pull_request.number == 1
    assert emulator.world.threads[1].head_sha == published.commit
    theirs = await emulator.push("alice", workspace.branch, {"theirs.py": "2\n"})
    again = await opened(publisher, 1)
    assert again.head_sha == theirs
    assert (again.worktree / "theirs.py").read_text() == "2\n"
    assert (again.worktree / "mine.py").read_text() == "1\n"


async def test_fork_starts_from_its_head(bot: Bot, emulator: GitHubEmulator) -> None:
    thread = await emulator.open_pull_request("carol", "From afar", "topic", {"fork.py": "1\n"}, fork=True)
    publisher = bot("bot-token")
    workspace = await opened(publisher, thread.number)
    assert (workspace.worktree / "fork.py").read_text() == "1\n"
    (workspace.worktree / "mine.py").write_text("1\n")

    published = await publisher.publish(workspace, REQUEST)

    assert published.pull_request is not None
    assert published.pull_request.number != thread.number
    assert published.branch == "codegen-bot/fix-the-checkout-12"


async def test_protected_branch_gets_another(bot: Bot, emulator: GitHubEmulator) -> None:
    publisher = bot("bot-token")
    workspace = await opened(publisher, 1)
    emulator.protect(workspace.branch)
    (workspace.worktree / "mine.py").write_text("1\n")

    published = await publisher.publish(workspace, REQUEST)

    assert published.notes == (
        f"A rule protects the branch {workspace.branch} from the bot's push, so the changes are on a branch of their own.",
    )
    assert published.pull_request is not None
    assert published.pull_request.base_branch == workspace.branch


@pytest.mark.parametrize(
    ("token", "permissions", "sentence"),
    [
        ("as-carol", {}, "The bot has no permission to do this"),
        ("", {"contents": "read"}, "The bot has no permission to do this"),
        ("", {}, "The bot may not change workflow files"),
    ],
)
async def test_refused_push_keeps_a_patch(
    bot: Bot, emulator: GitHubEmulator, token: str, permissions: dict[str, str], sentence: str
) -> None:
    publisher = bot(token or installation_token(emulator, **permissions))
    workspace = await opened(publisher)
    (workspace.worktree / ".github/workflows").mkdir(parents=True, exist_ok=True)
    (workspace.worktree / ".github/workflows/ci.yml").write_text("on: push\n")

    with pytest.raises(UnpublishedError) as caught:
        await publisher.publish(workspace, REQUEST)

    assert caught.value.sentence.startswith(sentence)
    assert "+on: push" in caught.value.patch


async def test_pull_request_without_permission_keeps_the_branch(bot: Bot, emulator: GitHubEmulator) -> None:
    publisher = bot(installation_token(emulator, pull_requests="read"))
    workspace = await opened(publisher)
    (workspace.worktree / "mine.py").write_text("1\n")

    with pytest.raises(UnpublishedError, match="the pull request could not be opened") as caught:
        await publisher.publish(workspace, REQUEST)

    assert caught.value.branch == "codegen-bot/fix-the-checkout-12"
    assert "mine.py" in await emulator.git.texts(REPOSITORY, caught.value.branch)


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("as-dave", "GitHub shows the bot no such repository"),
        ("nonsense", "GitHub does not accept the bot's credentials"),
    ],
)
async def test_repository_that_cannot_be_read(bot: Bot, token: str, sentence: str) -> None:
    with pytest.raises(TurnError, match=sentence):
        await opened(bot(token))


async def test_revoked_token_is_replaced(bot: Bot, emulator: GitHubEmulator) -> None:
    class Renewed(GitHub):
        async def git_token(self, repository: str, *, rejected: str = "") -> str:
            return "bot-token" if rejected == "revoked" else "revoked"

    publisher = bot("bot-token")
    async with new_session() as session:
        github = Renewed(session, TokenAuth("bot-token"), base_url=emulator.url)
        workspace = await opened(replace(publisher, workspaces=replace(publisher.workspaces, github=github)))

    assert (workspace.worktree / "README.md").exists()


async def test_no_token_is_left_on_the_disk(bot: Bot, emulator: GitHubEmulator) -> None:
    token = installation_token(emulator)
    publisher = bot(token)
    workspace = await opened(publisher)
    (workspace.worktree / "mine.py").write_text("1\n")
    await publisher.publish(workspace, REQUEST)

    assert holding(publisher.workspaces.root, token) == []


def holding(root: Path, text: str) -> list[Path]:
    return [place for place in root.rglob("*") if place.is_file() and text.encode() in place.read_bytes()]
