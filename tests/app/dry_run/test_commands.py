"""Whole commands under dry run: what is read is real, and what is shown is what would be written."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from bot.commands.analyze_logs import AnalyzeLogs
from bot.commands.ban_checks import BanChecks
from bot.commands.list_runs import Status
from bot.commands.multi_run import MultiRun
from bot.commands.parsing.arguments import parse
from bot.commands.registry import COMMANDS
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.star import Star, Unstar
from bot.commands.usage import InvalidCommand
from bot.execution.invocation import LabelChange
from bot.execution.repository_config.model import LabelRole
from bot.text.markers import Stage
from tests.app.dry_run.conftest import CODEGEN_TOKEN, GITHUB_TOKEN, Rehearsal
from tests.harness import TIMEOUT

EXAMPLES = [
    *(cls.USAGE.example for cls in COMMANDS.values()),
    *("run fix it", "multi-run -n 3 fix it", "multi-run -n 20 fix it", "resume more", "status", "logs", "cancel"),
    *("star", "unstar", "ban-checks", "unban-checks", "remove", "close", "ready", "analyze-logs", "analyze-logs 5"),
]
"""Every command's example, and what else may go another way: without a run's number, or large."""

NEEDS_MORE = ("keep", "confirm")
"""These are about something that is not on the thread, which a dry run sees as well."""


@pytest.mark.parametrize("words", dict.fromkeys(EXAMPLES))
async def test_every_command_runs_to_its_end(rehearsal: Rehearsal, words: str) -> None:
    """By token and by comment alike, at once, with nothing written and no token shown."""
    command, _ = parse(re.sub(r"\b7\b", "1", words), prefix="/codegen")
    assert not isinstance(command, InvalidCommand)
    for invocation in (await rehearsal.by_token(command), await rehearsal.by_comment(command)):
        async with asyncio.timeout(TIMEOUT):
            reply = (await rehearsal.of(invocation)).reply
        wanted = Stage.REFUSED if words.startswith(NEEDS_MORE) else Stage.FINISHED
        assert reply.stage is wanted, reply.text
    assert CODEGEN_TOKEN not in rehearsal.text
    assert GITHUB_TOKEN not in rehearsal.text


async def test_run_by_token_shows_the_run(rehearsal: Rehearsal) -> None:
    await rehearsal.of(await rehearsal.by_token(Run(prompt="fix it"), thread=None))
    assert rehearsal.text == snapshot("""\
POST CODEGEN/v1/organizations/1/agent/run
  {
    "prompt": "You are working on the GitHub repository octo/shop.\\nYou were asked by alice.\\n\\nWhat alice asks for:\\n\\nfix it",
    "metadata": {
      "codegen_bot": {
        "identity": "step-1",
        "command": "run",
        "prompt": "fix it",
        "repository": "octo/shop",
        "login": "alice"
      }
    }
  }
""")


async def test_run_by_comment_shows_status_comment_and_reactions(rehearsal: Rehearsal) -> None:
    await rehearsal.of(await rehearsal.by_comment(Run(prompt="fix it")))
    assert [re.sub(r"\d{4,}", "N", call) for call in rehearsal.calls] == snapshot(
        [
            "POST GITHUB/repos/octo/shop/issues/comments/N/reactions",
            "POST GITHUB/repos/octo/shop/issues/1/comments",
            "POST CODEGEN/v1/organizations/1/agent/run",
            "PATCH GITHUB/repos/octo/shop/issues/comments/N",
            "PATCH GITHUB/repos/octo/shop/issues/comments/N",
            "POST GITHUB/repos/octo/shop/issues/comments/N/reactions",
        ]
    )


async def test_star_by_comment_shows_labels_and_reply(rehearsal: Rehearsal) -> None:
    await rehearsal.of(await rehearsal.by_comment(Star(run=1)))
    assert re.sub(r"\d{4,}", "N", rehearsal.text) == snapshot("""\
POST GITHUB/repos/octo/shop/issues/comments/N/reactions
  {
    "content": "eyes"
  }
POST GITHUB/repos/octo/shop/labels
  {
    "name": "codegen:starred",
    "color": "fbca04",
    "description": "The team has starred a Codegen run of this"
  }
POST GITHUB/repos/octo/shop/issues/1/labels
  {
    "labels": [
      "codegen:starred"
    ]
  }
POST GITHUB/repos/octo/shop/issues/1/comments
  {
    "body": "Starred [run 1](https://codegen.com/agent/trace/1).\\n\\nThe label is on [octo/shop#1](https://github.com/octo/shop/pull/1).\\n\\nAll of them: `/codegen starred`\\n\\n<!-- codegen-bot {\\"v\\": 1, \\"id\\": \\"c-N-0\\", \\"command\\": \\"star\\", \\"state\\": \\"finished\\", \\"runs\\": []} -->"
  }
POST GITHUB/repos/octo/shop/issues/comments/N/reactions
  {
    "content": "rocket"
  }
""")


async def test_ban_checks_by_token(rehearsal: Rehearsal) -> None:
    await rehearsal.of(await rehearsal.by_token(BanChecks(run=1)))
    assert rehearsal.calls == snapshot(
        [
            "POST CODEGEN/v1/organizations/1/agent/run/ban",
            "POST GITHUB/repos/octo/shop/labels",
            "POST GITHUB/repos/octo/shop/issues/1/labels",
        ]
    )


async def test_analyze_logs_reads_the_real_checks(rehearsal: Rehearsal) -> None:
    await rehearsal.of(await rehearsal.by_token(AnalyzeLogs(sandbox_id=None)))
    assert rehearsal.calls == ["POST CODEGEN/v1/organizations/1/agent/run"]
    assert "The total is off by a cent." in rehearsal.text


async def test_large_multi_run_is_confirmed_at_once(rehearsal: Rehearsal) -> None:
    """Nobody can confirm what was not asked; all runs are shown, without waiting for limits of writes."""
    async with asyncio.timeout(TIMEOUT):
        await rehearsal.of(await rehearsal.by_comment(MultiRun(prompt="fix it", attempts=20)))
    assert rehearsal.calls.count("POST CODEGEN/v1/organizations/1/agent/run") == 21


async def test_label_that_starts_a_run_is_shown_removed(rehearsal: Rehearsal) -> None:
    rehearsal.github.label("alice", 1, "codegen:run")
    invocation = await rehearsal.by_comment(Run(prompt="fix it"))
    label = LabelChange(role=LabelRole.RUN, name="codegen:run", on=True)
    await rehearsal.of(replace(invocation, comment=None, label=label))
    assert rehearsal.calls[-1] == "DELETE GITHUB/repos/octo/shop/issues/1/labels/codegen%3Arun"


async def test_only_a_label_that_is_set_is_removed(rehearsal: Rehearsal) -> None:
    await rehearsal.of(await rehearsal.by_token(Unstar(run=1)))
    assert rehearsal.calls == []
    rehearsal.github.label("alice", 1, "codegen:starred")
    await rehearsal.of(await rehearsal.by_token(Unstar(run=1)))
    assert rehearsal.calls == ["DELETE GITHUB/repos/octo/shop/issues/1/labels/codegen%3Astarred"]


async def test_resume_ends_with_a_new_result_of_the_real_run(rehearsal: Rehearsal) -> None:
    result = await rehearsal.of(await rehearsal.by_token(Resume(prompt="more", run=1)))
    assert rehearsal.calls == ["POST CODEGEN/v1/organizations/1/agent/run/resume"]
    assert result.runs[-1].id == 1
    assert str(result.runs[-1].result).endswith("\n\n(dry run: no agent has worked on this)")


async def test_resume_of_a_missing_run_fails_as_it_would(rehearsal: Rehearsal) -> None:
    result = await rehearsal.of(await rehearsal.by_token(Resume(prompt="more", run=77)))
    assert result.reply.stage is not Stage.FINISHED
    assert rehearsal.calls == []


async def test_later_command_finds_the_run_of_an_earlier_one(rehearsal: Rehearsal) -> None:
    started = await rehearsal.of(await rehearsal.by_token(Run(prompt="fix it")))
    shown = await rehearsal.of(await rehearsal.by_token(Status(run=started.runs[0].id)))
    assert shown.runs[0].succeeded


async def test_user_without_permission_is_refused(rehearsal: Rehearsal) -> None:
    """The permission is read; the refusal would be posted."""
    result = await rehearsal.of(await rehearsal.by_comment(Run(prompt="fix it"), login="carol"))
    assert result.reply.stage is Stage.REFUSED
    assert [call for call in rehearsal.calls if "CODEGEN" in call] == []
