"""Whole commands under dry run: what is shown is what would be sent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from bot.commands.analyze_logs import AnalyzeLogs
from bot.commands.argument_parser import parse
from bot.commands.ban_checks import BanChecks, UnbanChecks
from bot.commands.labels import LabelRole
from bot.commands.multi_run import MultiRun
from bot.commands.named import Named
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.star import Star, Unstar
from bot.commands.table import COMMANDS, Command
from bot.commands.usage import InvalidCommand
from bot.handlers.invocation import LabelChange
from bot.replies.markers import Stage
from tests.dry_run.conftest import CODEGEN_TOKEN, GITHUB_TOKEN, SHOP, Rehearsal, by_comment, by_token

COMMANDS_TRIED = [
    *(cls.USAGE.example for cls in COMMANDS.values()),
    *("run fix it", "multi-run -n 3 fix it", "multi-run -n 20 fix it", "resume more", "status", "logs", "cancel"),
    *("star", "unstar", "ban-checks", "unban-checks", "remove", "close", "ready", "analyze-logs", "analyze-logs 5"),
]
"""Every command's example, and what else may go another way: without a run's number, or large."""

NEEDS_MORE = ("keep", "confirm")
"""These are about what was said before on the thread, and there a dry run invents nothing."""


@pytest.mark.parametrize("words", dict.fromkeys(COMMANDS_TRIED))
async def test_a_story_goes_on_to_its_end(
    rehearsal: Rehearsal, nothing_is_sent: Callable[[], None], words: str
) -> None:
    """By token and by comment alike, at once, with nothing sent and no token told."""
    command = parse(words, prefix="/codegen")
    assert not isinstance(command, InvalidCommand | Named)
    for invocation in (by_token(command), by_comment(command)):
        async with asyncio.timeout(5):
            reply = (await rehearsal.of(invocation)).reply
        wanted = Stage.REFUSED if words.startswith(NEEDS_MORE) else Stage.FINISHED
        assert (reply.stage, reply.text) == (wanted, reply.text)
    assert CODEGEN_TOKEN not in rehearsal.text
    assert GITHUB_TOKEN not in rehearsal.text
    nothing_is_sent()


def test_the_watch_sees_what_goes_out(nothing_is_sent: Callable[[], None]) -> None:
    """Else its silence would prove nothing."""
    with socket.socket() as unheard, pytest.raises(OSError, match="refused"):
        unheard.connect(("127.0.0.1", 9))
    with pytest.raises(AssertionError):
        nothing_is_sent()


async def test_a_run_by_token(rehearsal: Rehearsal) -> None:
    """Config, a look for a run of this very order, the run, its end."""
    await rehearsal.of(by_token(Run(prompt="fix it"), thread=None, repository=SHOP))
    assert rehearsal.text == snapshot("""\
GET https://api.github.com/repos/octo/.github/contents/codegen-bot.yml
GET https://api.github.com/repos/octo/shop/contents/.github/codegen-bot.yml
GET https://api.github.com/repos/octo/shop/contents/
GET https://api.codegen.com/v1/organizations/1/agent/runs?skip=0&limit=100
POST https://api.codegen.com/v1/organizations/1/agent/run
  {
    "prompt": "You work on the GitHub repository octo/shop.\\nYou were asked by alice.\\n\\nWhat alice asks for:\\n\\nfix it",
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
GET https://api.codegen.com/v1/organizations/1/agent/runs?skip=0&limit=100
""")


async def test_a_star_by_comment(rehearsal: Rehearsal) -> None:
    """The label is made and put on; the reply and the reactions are told like everything else."""
    await rehearsal.of(by_comment(Star(run=7)))
    assert rehearsal.text == snapshot("""\
GET https://api.github.com/repos/octo/shop/issues/12/comments?per_page=100&since=2026-03-04T11%3A55%3A00Z
GET https://api.github.com/repos/octo/.github/contents/codegen-bot.yml
GET https://api.github.com/repos/octo/shop/contents/.github/codegen-bot.yml
GET https://api.github.com/repos/octo/shop/contents/
GET https://api.github.com/repos/octo/shop/collaborators/alice/permission
POST https://api.github.com/repos/octo/shop/issues/comments/77/reactions
  {
    "content": "eyes"
  }
GET https://api.codegen.com/v1/organizations/1/agent/run/7
GET https://api.github.com/repos/octo/shop/issues/12/labels?per_page=100
GET https://api.github.com/repos/octo/shop/issues/12/labels?per_page=100
GET https://api.github.com/repos/octo/shop/issues/12/labels?per_page=100
POST https://api.github.com/repos/octo/shop/labels
  {
    "name": "codegen:starred",
    "color": "fbca04",
    "description": "The team has starred a Codegen run of this"
  }
POST https://api.github.com/repos/octo/shop/issues/12/labels
  {
    "labels": [
      "codegen:starred"
    ]
  }
GET https://api.github.com/repos/octo/shop/issues/12/comments?per_page=100&since=2026-03-04T11%3A55%3A00Z
POST https://api.github.com/repos/octo/shop/issues/12/comments
  {
    "body": "Starred [run 7](https://codegen.com/agent/trace/7).\\n\\nThe label is on [octo/shop#12](https://github.com/octo/shop/pull/12).\\n\\nAll of them: `/codegen starred`\\n\\n<!-- codegen-bot {\\"v\\": 1, \\"id\\": \\"c-77-0\\", \\"command\\": \\"star\\", \\"state\\": \\"finished\\", \\"runs\\": []} -->"
  }
POST https://api.github.com/repos/octo/shop/issues/comments/77/reactions
  {
    "content": "rocket"
  }
""")


async def test_ban_checks_by_token(rehearsal: Rehearsal) -> None:
    await rehearsal.of(by_token(BanChecks(run=7)))
    assert rehearsal.calls() == snapshot(
        [
            "GET /repos/octo/.github/contents/codegen-bot.yml",
            "GET /repos/octo/shop/contents/.github/codegen-bot.yml",
            "GET /repos/octo/shop/contents/",
            "GET /organizations/1/agent/run/7",
            "POST /organizations/1/agent/run/ban",
            "GET /repos/octo/shop/issues/12/labels?per_page=100",
            "POST /repos/octo/shop/labels",
            "POST /repos/octo/shop/issues/12/labels",
        ]
    )


async def test_analyze_logs_by_token(rehearsal: Rehearsal) -> None:
    """It goes as far as the run that would explain the checks; the log itself is not known."""
    await rehearsal.of(by_token(AnalyzeLogs(sandbox_id=None)))
    assert rehearsal.calls() == snapshot(
        [
            "GET /repos/octo/.github/contents/codegen-bot.yml",
            "GET /repos/octo/shop/contents/.github/codegen-bot.yml",
            "GET /repos/octo/shop/contents/",
            "GET /repos/octo/shop/pulls/12",
            "GET /repos/octo/shop/commits/0000000000000000000000000000000000000000/check-runs?per_page=100",
            "GET /repos/octo/shop/actions/jobs/1/logs",
            "GET https://store.invalid/address-that-github-names",
            "GET /organizations/1/agent/runs?skip=0&limit=100",
            "POST /organizations/1/agent/run",
            "GET /organizations/1/agent/runs?skip=0&limit=100",
        ]
    )


async def test_a_large_multi_run_gets_its_second_word(rehearsal: Rehearsal) -> None:
    """Nobody waits for an hour: the thumb is there at once, and all runs are told."""
    await rehearsal.of(by_comment(MultiRun(prompt="fix it", attempts=20)))
    assert rehearsal.calls().count("POST /organizations/1/agent/run") == 21


async def test_a_label_that_asked_for_work_is_seen_taken_off(rehearsal: Rehearsal) -> None:
    invocation = by_comment(Run(prompt="fix it"))
    label = LabelChange(role=LabelRole.RUN, name="codegen:run", on=True)
    await rehearsal.of(replace(invocation, comment=None, label=label))
    assert rehearsal.calls(changes=True)[-1] == "DELETE /repos/octo/shop/issues/12/labels/codegen%3Arun"


@pytest.mark.parametrize(("command", "label"), [(Unstar(run=7), "starred"), (UnbanChecks(run=7), "ban-checks")])
async def test_a_label_that_a_command_takes_off_is_on_before(
    rehearsal: Rehearsal, command: Command, label: str
) -> None:
    await rehearsal.of(by_token(command))
    assert f"DELETE /repos/octo/shop/issues/12/labels/codegen%3A{label}" in rehearsal.calls()


async def test_a_later_order_finds_what_an_earlier_one_did(rehearsal: Rehearsal) -> None:
    """A comment may hold several commands: the second is about the first one's run."""
    await rehearsal.of(by_comment(Run(prompt="fix it")))
    await rehearsal.of(by_comment(Run(prompt="fix more"), identity="c-77-1"))
    await rehearsal.of(by_comment(Resume(prompt="and test it", run=None), identity="c-77-2"))
    assert '"agent_run_id": 2' in rehearsal.text


async def test_the_order_is_told_as_it_would_be_sent_the_second_time_too(rehearsal: Rehearsal) -> None:
    """The same command again finds its own reply, as it would on GitHub."""
    await rehearsal.of(by_comment(Run(prompt="fix it")))
    told = len(rehearsal.told)
    await rehearsal.of(by_comment(Run(prompt="fix it")))
    assert [line.split()[0] for line in rehearsal.calls()[told:]] == ["GET"]
