"""Turns from end to end, without the API: what is published, kept, said and stopped."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from sqlalchemy.engine import Engine

from bot.agents.config import SandboxKind
from bot.agents.preset import Resume
from bot.agents.sandbox import NOT_SANDBOXED, Limits
from bot.agents.sandbox.choice import problem
from bot.agents.turn_texts import SESSION_ON_OTHER_MACHINE, set_up_failed
from bot.errors import ErrorKind, Service, UpstreamError
from bot.storage.agent_models import Purpose
from tests.agents.repositories import REPOSITORY, Developer, LocalGitHub, git
from tests.agents.turns import Runs, script
from tests.harness import TIMEOUT
from tests.harness.command_lines import command_lines

EDIT = {"edit": "src/cart.py", "replace": ["TOTAL = 0", "TOTAL = 1"]}
BRANCH = "codegen-bot/fix-the-cart-1"


@pytest.fixture
def unprotected(engine: Engine, github: LocalGitHub, tmp_path: Path) -> Runs:
    """Without a sandbox."""
    return Runs(engine, github, tmp_path / "agents")


@pytest.fixture
async def runs(unprotected: Runs) -> Runs:
    """With one; skips where bubblewrap does not work, unless CI_SANDBOX says that it has to."""
    if (found := await problem(SandboxKind.BUBBLEWRAP)) and not os.environ.get("CI_SANDBOX"):
        pytest.skip(found)
    return replace(unprotected, sandbox=SandboxKind.BUBBLEWRAP)


class TestPublishing:
    async def test_change_gets_a_pull_request(self, runs: Runs, developer: Developer, github: LocalGitHub) -> None:
        prompt = script({"think": "I look."}, EDIT, {"run": "cat src/cart.py"}, {"say": "Fixed the total."})
        run = runs.create(prompt)

        done = await runs.finished(run.id)

        assert (done.status, done.result, done.summary) == ("COMPLETE", "Fixed the total.", None)
        assert [(link.number, link.title, link.head_branch) for link in done.pull_requests] == snapshot(
            [(100, "Fix the cart", "codegen-bot/fix-the-cart-1")]
        )
        assert git(developer.origin, "show", f"{BRANCH}:src/cart.py") == "TOTAL = 1"
        assert git(developer.origin, "log", "-1", "--format=%an%n%B", BRANCH) == snapshot("""\
codegen-bot
Fix the cart

Run 1: https://bot.example/runs/1

Co-authored-by: alice <alice@users.noreply.github.com>\
""")
        assert runs.log(run.id) == snapshot(
            [
                ("USER_MESSAGE", "Fix the cart"),
                ("ACTION", "Sandbox 1 (bubblewrap): octo/shop at COMMIT, branch codegen-bot/fix-the-cart-1."),
                ("PLAN_EVALUATION", "I look."),
                ("ACTION", "Changed src/cart.py"),
                (
                    "ACTION",
                    """\
TOTAL = 1
[exit status 0]\
""",
                ),
                ("FINAL_ANSWER", "Fixed the total."),
            ]
        )

    async def test_no_change_gets_no_pull_request(self, runs: Runs, developer: Developer) -> None:
        run = runs.create(script({"say": "All is well."}))

        done = await runs.finished(run.id)

        assert (done.status, done.result, done.pull_requests) == ("COMPLETE", "All is well.", ())
        assert git(developer.origin, "branch", "--list") == "* main"

    async def test_pull_request_gets_the_change_on_its_branch(
        self, runs: Runs, developer: Developer, github: LocalGitHub
    ) -> None:
        developer.commit({"src/cart.py": "TOTAL = 0\nTAX = 2\n"}, branch="topic")
        github.add_pull_request("topic")
        run = runs.create(script(EDIT, {"say": "Fixed."}), pull_request=7)

        done = await runs.finished(run.id)

        assert [link.number for link in done.pull_requests] == [7]
        assert git(developer.origin, "show", "topic:src/cart.py") == "TOTAL = 1\nTAX = 2"
        assert github.opened == []

    async def test_attempt_of_a_multi_run_has_its_own_branch(
        self, runs: Runs, developer: Developer, github: LocalGitHub
    ) -> None:
        developer.commit({"src/cart.py": "TOTAL = 0\nTAX = 2\n"}, branch="topic")
        github.add_pull_request("topic")
        mark = {"command": "multi-run", "repository": REPOSITORY, "number": 7, "prompt": "Fix the cart"}
        run = runs.create(script(EDIT, {"say": "Fixed."}), pull_request=7, metadata={"codegen_bot": mark})

        done = await runs.finished(run.id)

        assert [link.head_branch for link in done.pull_requests] == [BRANCH]
        assert git(developer.origin, "show", "topic:src/cart.py") == "TOTAL = 0\nTAX = 2"
        assert github.opened[0].base_branch == "topic"

    async def test_synthesis_sees_the_candidates(self, runs: Runs) -> None:
        """Their branches are in its repository, although it reaches no network."""
        run = runs.create(script(EDIT, {"say": "Fixed."}))
        await runs.finished(run.id)
        look = {"run": f"git show origin/{BRANCH}:src/cart.py", "say": True}
        synthesis = runs.create(script(look), metadata={"multi_run_candidates": [run.id, 99]})

        assert "TOTAL = 1" in ((await runs.finished(synthesis.id)).result or "")

    async def test_person_of_the_mark_is_co_author(self, runs: Runs, developer: Developer) -> None:
        """Only of runs that the bot itself has started."""
        user = runs.add_user("codegen-bot")
        mark = {"command": "run", "repository": REPOSITORY, "login": "bob", "prompt": "fix the cart"}
        run = runs.create(script(EDIT, {"say": "Fixed."}), user_id=user, metadata={"codegen_bot": mark})

        await runs.finished(run.id)

        assert "Co-authored-by: bob <bob@" in git(developer.origin, "log", "-1", "--format=%B", BRANCH)

    async def test_run_without_repository_answers(self, runs: Runs, developer: Developer) -> None:
        run = runs.create(script({"run": "ls -A"}, {"say": "42."}), repository=None)

        done = await runs.finished(run.id)

        assert (done.status, done.result, done.pull_requests) == ("COMPLETE", "42.", ())

    async def test_result_says_that_there_is_no_sandbox(self, unprotected: Runs) -> None:
        run = unprotected.create(script({"say": "Done."}))

        assert (await unprotected.finished(run.id)).result == f"Done.\n\n{NOT_SANDBOXED}"

    async def test_images_reach_the_agent(self, runs: Runs) -> None:
        run = runs.create(script({"images": True}), images=["data:image/png;base64,iVBORw0KGgo="])

        assert "1" in ((await runs.finished(run.id)).result or "")


class TestResuming:
    async def test_next_turn_continues_session_and_branch(
        self, runs: Runs, developer: Developer, github: LocalGitHub
    ) -> None:
        run = runs.create(script({"remember": "the total"}, EDIT, {"say": "Fixed."}))
        await runs.finished(run.id)
        runs.resume(run.id, script({"edit": "src/cart.py", "append": "TAX = 2\n"}, {"recall": True}))

        done = await runs.finished(run.id)

        assert done.result is not None
        assert "the total" in done.result
        assert git(developer.origin, "show", f"{BRANCH}:src/cart.py") == "TOTAL = 1\nTAX = 2"
        assert len(github.opened) == len(done.pull_requests) == 1

    async def test_other_machine_begins_anew_from_the_branch(self, runs: Runs, developer: Developer) -> None:
        run = runs.create(script({"remember": "the total"}, EDIT, {"say": "Fixed."}))
        await runs.finished(run.id)
        elsewhere = replace(runs, root=runs.root.with_name("other"))
        elsewhere.resume(run.id, script({"run": "cat src/cart.py", "say": True}, {"repeat": True}))

        done = await elsewhere.finished(run.id)

        assert done.result is not None
        assert "TOTAL = 1" in done.result
        assert SESSION_ON_OTHER_MACHINE in [text for _, text in elsewhere.log(run.id)]
        assert "What was asked then:\n\n> Fix the cart" in done.result
        assert "How that ended:\n\n> Fixed." in done.result

    async def test_agent_without_sessions_is_told_what_was_asked(self, runs: Runs) -> None:
        runs.agent = replace(runs.agent, preset=replace(runs.agent.preset, resume=Resume.NEVER))
        run = runs.create(script({"say": "Looked at it."}))
        await runs.finished(run.id)
        runs.resume(run.id, script({"repeat": True}))

        assert "How that ended:\n\n> Looked at it." in ((await runs.finished(run.id)).result or "")

    async def test_agent_that_restores_its_chat_is_not_told(self, runs: Runs) -> None:
        preset = replace(runs.agent.preset, resume=Resume.NEVER, restores_history=True)
        runs.agent = replace(runs.agent, preset=preset)
        run = runs.create(script({"run": "touch ~/history"}, {"say": "Looked at it."}))
        await runs.finished(run.id)
        runs.resume(run.id, script({"repeat": True}))

        assert "Looked at it." not in ((await runs.finished(run.id)).result or "")

    async def test_interrupted_turn_is_continued(self, runs: Runs, developer: Developer, github: LocalGitHub) -> None:
        """The worker stops in the middle, and another one of the same machine takes the turn."""
        steps = ({"remember": "the total"}, EDIT, {"run": "sleep 100"}, {"say": "Never."})
        run = runs.create(script(*steps))
        async with runs.working():
            await runs.until_logged(run.id, "src/cart.py")
            await runs.until_session(run.id)
        runs.change_prompt(run.id, script({"recall": True}))

        done = await runs.finished(run.id)

        assert done.result is not None
        assert "the total" in done.result
        assert git(developer.origin, "show", f"{BRANCH}:src/cart.py") == "TOTAL = 1"
        assert len(github.opened) == 1


class TestLosing:
    async def test_lost_turn_publishes_nothing(self, runs: Runs, developer: Developer, github: LocalGitHub) -> None:
        """A frozen worker's turn is carried out on another machine; what the frozen one does later has no effect."""
        frozen = replace(runs, lease=2.0)
        wait = {"run": "until [ -e ~/go ]; do sleep 0.05; done"}
        run = frozen.create(script(EDIT, wait, {"say": "Late."}))
        async with frozen.working(period=TIMEOUT) as worker:
            await frozen.until_logged(run.id, "Changed src/cart.py")
            other = replace(frozen, root=frozen.root.with_name("other"))
            other.change_prompt(run.id, script({"edit": "NEW.md", "text": "New.\n"}, {"say": "In time."}))
            async with other.working(name="w2", lease=TIMEOUT):
                await other.until(run.id, lambda now: now.is_finished)
            (frozen.root / "runs" / "1" / "home" / "go").touch()
            await frozen.until(run.id, lambda _: worker.running == 0)

        assert (runs.run(run.id).result or "").startswith("In time.")
        assert len(github.opened) == 1
        assert git(developer.origin, "show", f"{BRANCH}:src/cart.py") == "TOTAL = 0"


class TestStopping:
    async def test_cancelled_run_keeps_its_work_as_a_patch(self, runs: Runs, developer: Developer) -> None:
        run = runs.create(script(EDIT, {"run": "sleep 100"}, {"say": "Never."}))
        async with runs.working() as worker:
            await runs.until_logged(run.id, "src/cart.py")
            runs.store.cancel_run(run.id, at=run.created_at)
            worker.wake()
            await runs.until(run.id, lambda now: now.is_finished)

        done = runs.run(run.id)
        assert (done.status, done.summary) == ("CANCELLED", "The run was cancelled.")
        assert done.result is not None
        assert "+TOTAL = 1" in done.result
        assert git(developer.origin, "branch", "--list") == "* main"

    async def test_silent_agent_is_stopped(self, runs: Runs) -> None:
        run = runs.create(script({"silence": True}))

        done = await replace(runs, silence=2.0).finished(run.id)

        assert (done.status, done.result) == (
            "TIMEOUT",
            "The agent wrote nothing for 2 seconds and was stopped. See the end of its log, and try again.",
        )

    async def test_turn_is_limited_in_time(self, runs: Runs) -> None:
        run = runs.create(script({"run": "sleep 100"}))

        done = await replace(runs, timeout_minutes=0.02).finished(run.id)

        assert (done.status, done.result) == snapshot(
            (
                "TIMEOUT",
                "The agent had not finished after 1.2 seconds and was stopped. Give it a smaller task, or raise `timeout-minutes` in the agents file.",
            )
        )

    async def test_agent_that_forks_without_end(self, runs: Runs, developer: Developer) -> None:
        sleeper = f"sleep 47113{os.getpid()}"
        fork = f"while :; do {sleeper} & done"
        run = runs.create(script(EDIT, {"run": fork}, {"say": "Never."}))

        done = await replace(runs, limits=Limits(processes=100)).finished(run.id)

        assert done.status == "FAILED"
        assert "processes and threads at once; 100 are allowed." in (done.result or "")
        assert git(developer.origin, "show", f"{BRANCH}:src/cart.py") == "TOTAL = 1"
        assert command_lines(sleeper) == []


class TestFailures:
    async def test_unknown_agent(self, runs: Runs) -> None:
        run = runs.create("Fix it.", agent="gone")

        done = await runs.finished(run.id)

        assert (done.status, done.result) == snapshot(
            ("FAILED", "There is no agent gone here any more. Start a new run with one of: scripted.")
        )
        assert runs.log(run.id)[-1] == ("ERROR", done.result)

    async def test_agent_that_is_not_installed(self, runs: Runs) -> None:
        run = runs.create("Fix it.")
        runs.agent = replace(runs.agent, command=("no-such-agent",))

        assert (await runs.finished(run.id)).result == snapshot(
            "The agent scripted is not installed where the agents run: there is no program no-such-agent. Install it there: `pip install codegen-bot`"
        )

    async def test_agent_without_model(self, runs: Runs) -> None:
        run = runs.create("Fix it.")
        runs.agent = replace(runs.agent, preset=replace(runs.agent.preset, needs_model=True))

        assert (await runs.finished(run.id)).result == snapshot(
            "The agent scripted needs the name of a model. Name one with `--model`, or as the agent's `model` in the agents file."
        )

    async def test_agent_that_dies(self, runs: Runs, developer: Developer) -> None:
        """What it had done is on the run's branch, without a pull request."""
        run = runs.create(script(EDIT, {"stderr": "out of cheese"}, {"exit": 3}))

        done = await runs.finished(run.id)

        assert (done.status, done.result) == snapshot(
            (
                "FAILED",
                """\
The agent scripted ended with exit status 3 before it answered. Try again, or check its `command` in the agents file. Its last output: out of cheese

What the agent had done by then is on the branch codegen-bot/fix-the-cart-1.\
""",
            )
        )
        assert git(developer.origin, "show", f"{BRANCH}:src/cart.py") == "TOTAL = 1"
        assert done.pull_requests == ()

    async def test_repository_that_cannot_be_reached(self, runs: Runs, developer: Developer) -> None:
        run = runs.create("Fix it.")
        shutil.rmtree(developer.origin)

        done = await runs.finished(run.id)

        assert (done.status, done.result) == snapshot(
            (
                "FAILED",
                "GitHub shows the bot no such repository. Check its name, and that the bot's GitHub App is installed there or its token may read it.",
            )
        )

    async def test_secret_in_the_change(self, runs: Runs, developer: Developer) -> None:
        token = "ghp_" + "9aB3xKq7LmZ2Wv5RtY8c" * 2
        run = runs.create(script({"edit": "src/cart.py", "append": f"TOKEN = '{token}'\n"}, {"say": "Done."}))

        done = await runs.finished(run.id)

        assert done.status == "FAILED"
        assert done.summary == snapshot("""\
Nothing was pushed: line 2 of src/cart.py looks like a secret. Resume the run and ask to remove it.

The agent's answer:

Done.\
""")
        assert done.result is not None
        assert token not in done.result
        assert git(developer.origin, "branch", "--list") == "* main"

    async def test_pull_request_that_is_refused(self, runs: Runs, developer: Developer, github: LocalGitHub) -> None:
        github.failure = UpstreamError(Service.GITHUB, ErrorKind.FORBIDDEN, "open_pull_request", 403)
        run = runs.create(script(EDIT, {"say": "Fixed."}))

        done = await runs.finished(run.id)

        assert (done.status, done.result) == snapshot(
            (
                "FAILED",
                """\
The changes are on the branch codegen-bot/fix-the-cart-1, but the pull request could not be opened. Grant the bot's GitHub App or token write access to pull requests, or open it yourself.

The agent's answer:

Fixed.\
""",
            )
        )
        assert git(developer.origin, "show", f"{BRANCH}:src/cart.py") == "TOTAL = 1"

    async def test_workspace_that_was_removed(self, runs: Runs, developer: Developer) -> None:
        """While the agent works; the next turn begins anew."""
        wait = "touch ~/begun; while [ -e src ]; do sleep 0.1; done"
        run = runs.create(script({"think": "I begin."}, {"run": wait}, {"say": "Where is it?"}))
        folder = runs.root / "runs" / str(run.id)
        async with runs.working():
            # Until then there are still files to come, and a folder that gets one meanwhile cannot be removed.
            await runs.until(run.id, lambda now: now.session_id is not None and (folder / "home" / "begun").exists())
            shutil.rmtree(folder)
            await runs.until(run.id, lambda now: now.is_finished)

        done = runs.run(run.id)
        assert done.status == "FAILED"
        assert done.result is not None
        assert "files" in done.result
        assert "Resume the run" in done.result
        runs.resume(run.id, script(EDIT, {"say": "Again."}))
        assert (await runs.finished(run.id)).status == "COMPLETE"


class TestSetUp:
    async def test_commands_run_once_in_the_sandbox(self, runs: Runs, developer: Developer) -> None:
        runs.store.set_setup_commands(5, "echo ready > installed\necho done", full_name=REPOSITORY)
        run = runs.create(script({"run": "cat installed", "say": True}, EDIT, {"say": "Done."}))
        await runs.finished(run.id)
        runs.resume(run.id, script({"say": "More."}))
        await runs.finished(run.id)

        sandbox = runs.store.sandbox(1)
        assert sandbox is not None
        assert sandbox.log == snapshot("""\
$ echo ready > installed
$ echo done
done
""")
        assert runs.store.sandbox(2) is None
        assert git(developer.origin, "ls-tree", "--name-only", BRANCH) == ".gitignore\nREADME.md\nsrc"

    async def test_failed_command_does_not_end_the_turn(self, runs: Runs) -> None:
        runs.store.set_setup_commands(5, "exit 3\necho never", full_name=REPOSITORY)
        run = runs.create(script({"say": "Done."}))

        done = await runs.finished(run.id)

        assert done.result == "Done."
        assert set_up_failed("exit 3") in [text for _, text in runs.log(run.id)]

    async def test_commands_that_an_agent_wrote_are_stored(self, runs: Runs, developer: Developer) -> None:
        run = runs.create(
            script(EDIT, {"say": "So:\n\n```sh\nmake deps\n```"}),
            purpose=Purpose.SETUP_COMMANDS,
            metadata={"repo_id": 5},
        )

        done = await runs.finished(run.id)

        assert done.status == "COMPLETE"
        assert runs.store.setup_commands(REPOSITORY) == "make deps"
        assert git(developer.origin, "branch", "--list") == "* main"

    async def test_answer_without_commands_is_a_failure(self, runs: Runs) -> None:
        run = runs.create(script({"say": "None."}), purpose=Purpose.SETUP_COMMANDS, metadata={"repo_id": 5})

        done = await runs.finished(run.id)

        assert (done.status, done.result) == snapshot(
            (
                "FAILED",
                """\
The agent's answer has no code block with set-up commands, so none are stored. Resume the run and ask it to end with one.

The agent's answer:

None.\
""",
            )
        )
