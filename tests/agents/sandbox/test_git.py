"""An agent's own git, in a workspace: it works, and reaches neither the bot's repository nor the mirror's."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.agents.config import SandboxKind
from bot.agents.sandbox import OBJECTS, Sandbox, SandboxSpec
from bot.agents.workspace.model import WorkspaceRequest
from bot.agents.workspace.workspaces import Workspaces
from tests.agents.repositories import PROTOCOLS, REPOSITORY, LocalGitHub, new_repository
from tests.agents.sandbox.conftest import output_of

WORK = """
git status --short && git log --format=%s && git diff origin/main --stat
echo more >> README.md
git commit -q -a -m Mine && git log --format=%s && git gc -q && git stash list && git fsck 2>&1 && git branch
"""


@pytest.fixture
async def workspace(tmp_path: Path, sandbox: Sandbox) -> SandboxSpec:
    """A run's workspace, as the sandbox gets it."""
    github = LocalGitHub(new_repository(tmp_path, {"README.md": "# Shop\n"}))
    inside = None if sandbox.kind is SandboxKind.NONE else Path(OBJECTS)
    spaces = Workspaces(root=tmp_path / "agents", github=github, objects_inside=inside, protocols=PROTOCOLS)
    opened = await spaces.open(WorkspaceRequest(run_id=12, repository=REPOSITORY, slug="fix"))
    return SandboxSpec(worktree=opened.worktree, home=opened.home, tmp=opened.tmp, shared_objects=opened.objects)


async def test_agent_uses_git(sandbox: Sandbox, workspace: SandboxSpec) -> None:
    output, process = await output_of(sandbox, workspace, ("sh", "-c", f"exec 2>&1; {WORK}"))

    assert output == "Begin\nMine\nBegin\n* codegen-bot/fix-12\n"
    assert await process.wait() == 0


async def test_agent_cannot_write_into_the_mirror(bubblewrap: Sandbox, tmp_path: Path) -> None:
    github = LocalGitHub(new_repository(tmp_path, {"README.md": "# Shop\n"}))
    spaces = Workspaces(root=tmp_path / "agents", github=github, protocols=PROTOCOLS)
    opened = await spaces.open(WorkspaceRequest(run_id=12, repository=REPOSITORY))
    spec = SandboxSpec(worktree=opened.worktree, home=opened.home, tmp=opened.tmp, shared_objects=opened.objects)

    attempt = f"exec 2>&1; touch {OBJECTS}/mine || ls -d /mirror/* {opened.git_dir}; chmod -R u+w {OBJECTS}; true"
    output, _ = await output_of(bubblewrap, spec, ("sh", "-c", attempt))

    assert "touch: cannot touch '/mirror/objects/mine': Read-only file system" in output
    assert f"cannot access '{opened.git_dir}'" in output
    assert not (opened.objects / "mine").exists()
