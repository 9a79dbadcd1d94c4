"""Agents of one's own, from a comment to a pull request: the scripted agent in its sandbox, and GitHub with real git."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.agents_world import AgentsWorld, agents_world_at, script
from tests.harness.command_lines import command_lines, unique_number, until_running
from tests.harness.terminal import Terminal, without_times
from tests.harness.workflow import Workflow

EDIT = {"edit": "app/checkout.py", "append": "# Edited.\n"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentsWorld]:
    async with agents_world_at(tmp_path) as world:
        yield world


async def test_run_on_a_pull_request_pushes_to_its_branch(world: AgentsWorld) -> None:
    steps = script({"think": "I look."}, EDIT, {"run": "tail -1 app/checkout.py"}, {"say": "I edited the checkout."})
    comment = await world.comment("bob", f"/codegen run fix the rounding{steps}")

    assert await world.final() == snapshot("""\
Finished in 0 s: [run 1](SERVER/#/runs/1), with [octo/shop#1](https://github.com/octo/shop/pull/1). The agent `scripted` changed +2 −1 in 1 file.

I edited the checkout.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    assert (await world.files("fix-checkout"))["app/checkout.py"].endswith("# Edited.\n")
    assert await world.message("fix-checkout") == snapshot("""\
codegen-bot[bot]
fix the rounding

Run 1: SERVER/#/runs/1

Co-authored-by: bob <1003+bob@users.noreply.github.com>\
""")
    await world.reacted(comment, "eyes", "rocket")


async def test_run_on_an_issue_opens_a_pull_request(world: AgentsWorld) -> None:
    await world.comment("bob", f"/codegen run show the tax{script(EDIT, {'say': 'I edited it.'})}", number=2)

    assert await world.final(number=2) == snapshot("""\
Finished in 0 s: [run 1](SERVER/#/runs/1), with [octo/shop#3](https://github.com/octo/shop/pull/3). The agent `scripted` changed +1 −0 in 1 file.

I edited it.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    pull_request = world.pull_request(3)
    assert (pull_request.title, pull_request.branch, pull_request.base_branch) == snapshot(
        ("show the tax", "codegen-bot/show-the-tax-1", "main")
    )
    assert (pull_request.body or "").replace(world.url, "SERVER") == snapshot("""\
I edited it.

<details><summary>What was asked</summary>

show the tax

</details>

---

[Run 1](SERVER/#/runs/1) of the agent `scripted` for #2, requested by `bob`.

<!-- codegen-bot {"v": 1, "id": "run-1", "command": "run", "state": "finished", "runs": [1]} -->\
""")
    assert "# Edited." in (await world.files("codegen-bot/show-the-tax-1"))["app/checkout.py"]


async def test_run_without_change_answers(world: AgentsWorld) -> None:
    await world.comment("bob", f"/codegen run why is it so?{script({'say': 'Because of history.'})}", number=2)

    assert await world.final(number=2) == snapshot("""\
Finished in 0 s: [run 1](SERVER/#/runs/1).

Because of history.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    assert [*world.github.world.threads] == [1, 2]


async def test_label_starts_an_agent(world: AgentsWorld) -> None:
    """The scripted agent improvises a change."""
    world.github.label("bob", 2, "codegen:run")

    reply = await world.final(number=2)

    assert "octo/shop#3" in reply
    assert world.pull_request(3).title == "Prices are shown without tax"


async def test_program_is_an_agent_too(world: AgentsWorld) -> None:
    await world.comment("bob", "/codegen run --agent-type fixer fix it", number=2)

    assert "I fixed the checkout." in await world.final(number=2)
    assert (await world.files("codegen-bot/fix-it-1"))["app/checkout.py"].endswith("# Fixed.\n")


async def test_http_api_runs_an_agent(world: AgentsWorld) -> None:
    body = {"prompt": f"Edit the checkout of octo/shop.{script(EDIT, {'say': 'Edited.'})}", "metadata": {"ticket": 7}}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {world.token('alice')}"}) as http:
        async with http.post(f"{world.url}/organizations/1/agent/run", json=body) as response:
            assert response.status == 200
        await world.ended(1)
        async with http.get(f"{world.url}/organizations/1/agent/run/1") as response:
            run = await response.json()
        async with http.get(f"{world.url}/organizations/1/agent/run/99") as response:
            missing = await response.json()

    assert (run["status"], run["result"]) == ("COMPLETE", "Edited.")
    assert missing["detail"].startswith("codegen-bot did not find it (404).")
    assert [link["url"] for link in run["github_pull_requests"]] == ["https://github.com/octo/shop/pull/3"]
    assert "Co-authored-by: alice" in await world.message("codegen-bot/edit-the-checkout-of-octo-shop-1")


async def test_images_reach_the_agent_as_blocks(world: AgentsWorld) -> None:
    pixel = "data:image/png;base64,iVBORw0KGgo="
    body = {"prompt": f"Describe them.{script({'images': True})}", "images": [pixel, pixel]}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {world.token('alice')}"}) as http,
        http.post(f"{world.url}/organizations/1/agent/run", json=body) as response,
    ):
        assert response.status == 200

    assert (await world.ended(1)).result == "I see 2 images."


async def test_action_step_runs_an_agent(world: AgentsWorld, tmp_path: Path) -> None:
    """The Action on GitHub's machine, and the agent on the server's."""
    workflow = Workflow(world.github, world.codegen, tmp_path, in_process=True)
    prompt = f"Edit the checkout.{script(EDIT, {'say': 'Edited.'})}"
    job = await workflow.step(
        inputs={"command": "run", "prompt": prompt, "codegen-api-token": world.token("alice")},
        environ={"CODEGEN_API_BASE_URL": world.url},
    )

    assert (job.status, job.outputs["conclusion"]) == (0, "success")
    assert job.outputs["pull-request-url"] == "https://github.com/octo/shop/pull/3"
    assert "# Edited." in (await world.files("codegen-bot/edit-the-checkout-1"))["app/checkout.py"]


async def test_command_line_runs_an_agent(world: AgentsWorld, tmp_path: Path) -> None:
    terminal = Terminal(world.github, world.codegen, tmp_path)
    prompt = f"edit the checkout of octo/shop{script(EDIT, {'say': 'Edited.'})}"
    typed = await terminal.run("run", prompt, CODEGEN_API_BASE_URL=world.url, CODEGEN_API_TOKEN=world.token("alice"))

    assert (typed.status, without_times(typed.stdout).replace(world.url, "SERVER")) == snapshot(
        (
            0,
            """\
Finished in N s: [run 1](SERVER/#/runs/1), with [octo/shop#3](https://github.com/octo/shop/pull/3). The agent `scripted` changed +1 −0 in 1 file.

Edited.

A follow-up: `codegen-bot resume 1 <what to do next>`
""",
        )
    )


async def test_multi_run_merges_attempts_of_two_agents(world: AgentsWorld) -> None:
    steps = script(EDIT, {"say": "I edited it."})
    await world.comment("bob", f"/codegen multi-run -n 3 -a scripted -a fixer make it faster{steps}", number=2)

    # Two attempts work at the same time: which of them is the first to open its pull request differs.
    assert re.sub(r"(#|/pull/)\d", r"\1N", await world.final(number=2)) == snapshot("""\
Finished in 0 s: [run 4](SERVER/#/runs/4) combined 3 of 3 attempts, with [octo/shop#N](https://github.com/octo/shop/pull/N).

I edited it.

| attempt | agent | model | status | time | cost | changes | checks | pull request | run |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| 1 | `scripted` |  | succeeded |  |  | +1 −0 in 1 file |  | [octo/shop#N](https://github.com/octo/shop/pull/N) | [run 1](SERVER/#/runs/1) |
| 2 | `fixer` |  | succeeded |  |  | +1 −0 in 1 file |  | [octo/shop#N](https://github.com/octo/shop/pull/N) | [run 2](SERVER/#/runs/2) |
| 3 | `scripted` |  | succeeded |  |  | +1 −0 in 1 file |  | [octo/shop#N](https://github.com/octo/shop/pull/N) | [run 3](SERVER/#/runs/3) |

<details><summary>Attempt 1</summary>

I edited it.

</details>

<details><summary>Attempt 2</summary>

I fixed the checkout.

</details>

<details><summary>Attempt 3</summary>

I edited it.

</details>

Keep the synthesis: `/codegen keep synthesis`. Keep one attempt: `/codegen keep <attempt>`. The others' pull requests are closed.\
""")
    assert [world.run(number).agent for number in (1, 2, 3, 4)] == ["scripted", "fixer", "scripted", "scripted"]
    assert len({world.pull_request(number).branch for number in (3, 4, 5, 6)}) == 4


async def test_resume_continues_the_session(world: AgentsWorld) -> None:
    await world.comment("bob", f"/codegen run fix it{script({'remember': 'the tax'}, EDIT, {'say': 'Done.'})}")
    await world.final()
    more = script({"edit": "app/checkout.py", "append": "# More.\n"}, {"recall": True})
    await world.comment("bob", f"/codegen resume add more{more}")

    assert "the tax" in await world.final()
    assert (await world.files("fix-checkout"))["app/checkout.py"].endswith("# Edited.\n# More.\n")
    assert (await world.message("fix-checkout")).splitlines()[1] == "add more"


async def test_set_up_commands_are_worked_out_run_and_explained(world: AgentsWorld) -> None:
    """One agent writes them, the next one's workspace runs them, a third one explains what they printed."""
    answer = "So:\n\n```sh\necho ready > installed\necho no such package; false\n```"
    await world.comment("bob", f"/codegen setup-commands{script({'say': answer})}", number=2)
    assert "Worked out the set-up commands" in await world.final(number=2)

    await world.comment("bob", f"/codegen run look{script({'run': 'cat installed', 'say': True})}", number=2)
    assert "ready" in await world.final(number=2)
    assert "Sandbox 2 (" in world.log(2)
    assert "A set-up command failed" in world.log(2)

    analyze = f"{world.url}/v1/organizations/1/sandbox/2/analyze-logs"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {world.token('alice')}"}) as http,
        http.post(analyze) as response,
    ):
        assert (await response.json())["agent_run_id"] == 3
    run = await world.ended(3)
    assert (run.status, run.pull_requests) == ("COMPLETE", ())
    assert "no such package" in world.log(3)


async def test_restarted_bot_continues_the_agent(world: AgentsWorld) -> None:
    """A deployment in the middle of a run: its agent is stopped, and goes on with its session at the next start."""
    sleep = f"sleep {unique_number()}"
    wait = f"test -e ~/second || {{ touch ~/second; {sleep}; }}"
    await world.comment(
        "bob", f"/codegen run fix it{script({'remember': 'the tax'}, EDIT, {'run': wait}, {'recall': True})}"
    )
    await until_running(sleep)

    await world.restart_bot()

    assert "the tax" in await world.final()
    assert (await world.files("fix-checkout"))["app/checkout.py"].count("# Edited.\n") == 2


class TestStopping:
    SLEEP = f"sleep {unique_number()}"
    SLEEPER = f"/codegen run fix it{script(EDIT, {'run': SLEEP}, {'say': 'Never.'})}"

    @pytest.fixture
    async def sleeping(self, world: AgentsWorld) -> AgentsWorld:
        """A world in which an agent on the pull request has edited a file, and sleeps."""
        await world.comment("bob", self.SLEEPER)
        await world.until_logged("Changed app/checkout.py")
        return world

    @pytest.mark.parametrize("command", ["cancel", "remove", "ban-checks"])
    async def test_command_stops_the_agent(self, sleeping: AgentsWorld, command: str) -> None:
        await sleeping.comment("bob", f"/codegen {command}")

        await sleeping.settled(2)
        run, answer = (comment.body for comment in sleeping.read_all())
        assert "was stopped" in run
        assert "+# Edited." in run
        assert answer.startswith(("Stopping", "Stopped the agents on", "Failed checks of"))
        assert sleeping.run().status == "CANCELLED"
        assert command_lines(self.SLEEP) == []
        assert "# Edited." not in (await sleeping.files("fix-checkout"))["app/checkout.py"]

    async def test_cancel_takes_write_access(self, sleeping: AgentsWorld) -> None:
        await sleeping.comment("carol", "/codegen cancel")

        assert (await sleeping.reply(Stage.REFUSED)).replace(sleeping.url, "SERVER") == snapshot("""\
Stopping [run 1](SERVER/#/runs/1) takes write access to this repository.

Next: ask someone who has it.\
""")
        assert sleeping.run().status == "ACTIVE"
        sleeping.read_all()
