"""An agent in the job, through `action.yml`: the packages for agents are installed, and the comment leads to a commit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.agents.config import SandboxKind
from bot.agents.sandbox.choice import problem
from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import ACTIONS_LOGIN, REPOSITORY
from tests.action.composite.runner import Job
from tests.harness.agents_world import script

pytestmark = pytest.mark.slow

FIX = script({"edit": "app/checkout.py", "text": "# Fixed.\n"}, {"run": "env"}, {"say": "I fixed the checkout."})


async def test_comment_leads_to_commit_and_reply(job: Job, github: GitHubEmulator, tmp_path: Path) -> None:
    """The look finds the command, the eyes come, and no account of Codegen's is needed."""
    comment = github.comment("alice", 1, f"/codegen run fix the checkout{FIX}")
    job.event = ("issue_comment", github.deliveries[-1].payload)
    # The packages for agents are more: the runner that others share has the fewer.
    job.tool_cache = tmp_path / "tool-cache"
    none = {"sandbox": "none"} if await problem(SandboxKind.BUBBLEWRAP) else {}

    outputs = await job.use(agent="scripted", **none)

    assert (job.exit_status, outputs["conclusion"]) == (0, "success"), job.log
    assert json.loads(outputs["changes"])["files"] == 1
    branch = github.world.threads[1].branch
    assert (await github.git.texts(REPOSITORY, f"refs/heads/{branch}"))["app/checkout.py"] == "# Fixed.\n"
    [reply] = [each for each in github.comments(1) if each.author == ACTIONS_LOGIN]
    assert "I fixed the checkout." in reply.body
    assert [each.content for each in comment.reactions] == ["eyes", "rocket"]
    seen = [line for line in job.log.splitlines() if not line.startswith("::add-mask::")]
    assert "actions-token" not in "\n".join(seen)
    assert "| run | state | pull requests | agent | changes | tokens | cost |" in job.summary
