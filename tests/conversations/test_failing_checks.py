"""Failed checks of commits of agents of one's own: the run that pushed the commit is resumed to fix them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.emulators.github.model import REPOSITORY, REPOSITORY_ID
from bot.text.markers import Stage
from tests.harness.agents_world import AgentsWorld, agents_world_at, script

EDIT = {"edit": "app/checkout.py", "append": "# Edited.\n"}
FIX = {"edit": "app/checkout.py", "append": "# Fixed.\n"}
LOG = "$ pytest -q\nE       assert 2.01 == 2.0\nFAILED tests/test_total.py - assert 2.01 == 2.0\n1 failed in {}s\n"
OTHER_LOG = "$ pytest -q\nE       assert 3 == 2\nFAILED tests/test_total.py - assert 3 == 2\n1 failed in 1.0s\n"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentsWorld]:
    async with agents_world_at(tmp_path) as world:
        yield world


def settings(world: AgentsWorld, *steps: Mapping[str, Any], **changed: Any) -> None:
    """Changes the repository's settings for checks.

    :param steps: what the agent does about the check `test`
    """
    prompts = {"test": f"Fix it.{script(*(steps or (FIX, {'say': 'I fixed it.'})))}"}
    world.store.change_check_settings(REPOSITORY_ID, {"custom_prompts": prompts, **changed}, full_name=REPOSITORY)


async def run(world: AgentsWorld, *steps: Mapping[str, Any], number: int = 1) -> None:
    """A run that pushes a commit."""
    prompt = script(EDIT, *(steps or ({"say": "Done."},)))
    await world.comment("bob", f"/codegen run fix the rounding{prompt}", number=number)
    await world.final(number=number)


async def fail(
    world: AgentsWorld, name: str = "test", *, log: str = LOG.format(3.2), app: str = "github-actions", number: int = 1
) -> None:
    """A check of the pull request's head fails, and GitHub announces that the App's checks have ended."""
    sha = world.github.world.threads[number].head_sha
    world.github.world.add_check_run(name, sha, conclusion="failure", app=app, log=log)
    await world.github.end_checks(number, app)
    await world.github.idle()


async def final(world: AgentsWorld) -> str:
    """The next final reply, without the commit, which differs each time, and without the number of the check: reactions
    and deliveries are numbered with it, and which of them come first differs."""
    reply = re.sub(r"`[0-9a-f]{7}`", "`COMMIT`", await world.final())
    check = max(world.github.world.check_runs)
    assert f"/runs/{check})" in reply
    return reply.replace(f"/runs/{check})", "/runs/CHECK)")


async def test_run_fixes_the_failed_check_of_its_commit(world: AgentsWorld) -> None:
    settings(world)
    await run(world)

    await fail(world)

    assert await final(world) == snapshot("""\
Round 1 of 3 for failed checks.

Finished in 0 s: [run 1](SERVER/#/runs/1), with [octo/shop#1](https://github.com/octo/shop/pull/1). The agent `scripted` changed +3 −1 in 1 file.

I fixed it.

A follow-up: `/codegen resume 1 <what to do next>`

1 check has failed on `COMMIT`:

- [`test`](https://github.com/octo/shop/runs/CHECK): `failure`

<details><summary>Log excerpts</summary>

`test`

```text
$ pytest -q
E       assert 2.01 == 2.0
FAILED tests/test_total.py - assert 2.01 == 2.0
1 failed in 3.2s
```

</details>\
""")
    assert await world.message("fix-checkout") == snapshot("""\
codegen-bot[bot]
Fix the failed checks

Run 1: SERVER/#/runs/1

Co-authored-by: bob <1003+bob@users.noreply.github.com>\
""")
    assert (await world.files("fix-checkout"))["app/checkout.py"].endswith("# Edited.\n# Fixed.\n")
    assert "FAILED tests/test_total.py" in world.log()

    # Neither the same delivery again nor checks that succeed start anything.
    world.github.redeliver(next(each for each in world.github.deliveries if each.event == "check_suite"))
    head = world.github.world.threads[1].head_sha
    world.github.world.add_check_run("test", head, conclusion="success", app="github-actions")
    await world.github.end_checks(1)
    await world.github.idle()
    await world.until_done(2)
    assert len(world.bot_comments()) == 2
    assert world.github.deliveries[-1].status_code == 200


async def test_rounds_end_at_the_repositorys_limit(world: AgentsWorld) -> None:
    settings(world, check_retry_count=1)
    await run(world)
    await fail(world)
    assert "Round 1 of 1" in await world.final()

    await fail(world, log=OTHER_LOG)

    assert await final(world) == snapshot("""\
No agent is fixing the failed checks. 1 of 1 rounds are used up; `/codegen checks --retries` sets how many there are.

Next: `/codegen resume 1 <a hint>` continues [run 1](SERVER/#/runs/1), and the rounds count anew.

1 check has failed on `COMMIT`:

- [`test`](https://github.com/octo/shop/runs/CHECK): `failure`

<details><summary>Log excerpts</summary>

`test`

```text
$ pytest -q
E       assert 3 == 2
FAILED tests/test_total.py - assert 3 == 2
1 failed in 1.0s
```

</details>\
""")


async def test_same_failure_twice_ends_the_rounds(world: AgentsWorld) -> None:
    settings(world)
    await run(world)
    await fail(world, log=LOG.format(3.2))
    assert "Round 1 of 3" in await world.final()

    await fail(world, log=LOG.format(4.7))

    assert (await world.final()).partition("\n\n1 check has")[0] == snapshot("""\
No agent is fixing the failed checks. This is the same failure as before round 1, so another round would not help.

Next: `/codegen resume 1 <a hint>` continues [run 1](SERVER/#/runs/1), and the rounds count anew.\
""")

    await world.comment("bob", f"/codegen resume round once{script(EDIT, {'say': 'Done.'})}")
    await world.final()
    await fail(world)
    assert "Round 1 of 3" in await world.final()


async def test_ignored_check_starts_nothing(world: AgentsWorld) -> None:
    settings(world, ignored_checks=["nightly"])
    await run(world)
    await fail(world, "nightly")
    await world.until_done(2)

    await fail(world, "test", app="circle-ci")

    reply = await world.final()
    assert "[`test`]" in reply
    assert "nightly" not in reply


async def test_ban_stops_the_rounds_until_it_is_lifted(world: AgentsWorld) -> None:
    settings(world)
    await run(world)
    world.github.label("bob", 1, "codegen:ban-checks")
    await world.github.idle()
    await world.until_done(2)
    await fail(world)
    await world.until_done(3)

    await world.comment("bob", "/codegen unban-checks")
    await world.final()
    await fail(world, app="circle-ci")

    assert "Round 1 of 3" in await world.final()


async def test_commit_of_a_person_starts_nothing(world: AgentsWorld) -> None:
    await run(world)
    await world.github.push("bob", "fix-checkout", {"README.md": "# Our shop\n"})

    await fail(world)

    assert world.github.deliveries[-1].status_code == 200
    # Not even if its message looks like a run's.
    await world.github.push("bob", "fix-checkout", {"README.md": "# The shop\n"}, message="Mine\n\nRun 1: me")
    await fail(world)
    await world.until_done(2)
    assert world.github.deliveries[-1].status_code == 202


async def test_commit_of_a_person_is_fixed_if_the_config_says_so(world: AgentsWorld) -> None:
    world.github.world.files["main", ".github/codegen-bot.yml"] = "checks:\n  fix-commits-of-people: true\n"
    settings(world)
    await run(world)
    await world.github.push("bob", "fix-checkout", {"README.md": "# Our shop\n"})

    await fail(world)

    assert "Round 1 of 3" in await world.final()
    assert (await world.files("fix-checkout"))["README.md"] == "# Our shop\n"


async def test_round_waits_for_the_other_checks_and_the_bot(world: AgentsWorld) -> None:
    settings(world)
    await run(world)
    await world.until_done(1)
    head = world.github.world.threads[1].head_sha
    slow = world.github.world.add_check_run("build", head, status="in_progress", app="github-actions")
    await fail(world, app="circle-ci")
    await world.stop_bot()
    await world.start_bot()

    slow.status, slow.conclusion = "completed", "failure"
    await world.github.end_checks(1)

    reply = await world.final()
    assert "2 checks have failed" in reply
    # Both ends of checks, of which one has started the round.
    await world.until_done(2)
    assert len(world.bot_comments()) == 2


async def test_round_waits_for_the_agent_at_work(world: AgentsWorld) -> None:
    settings(world)
    await run(world)
    await world.comment("bob", f"/codegen resume wait{script({'run': 'echo begun'}, {'silence': True})}")
    await world.until_logged("begun")
    await fail(world)
    await world.comment("bob", "/codegen cancel")
    await world.reply(Stage.FINISHED)

    await world.settled(4)

    # The reply to the cancellation may come after it.
    assert sum("Round 1 of 3" in comment.body for comment in world.read_all()) == 1


async def test_round_over_budget_is_refused(world: AgentsWorld) -> None:
    world.github.world.files["main", ".github/codegen-bot.yml"] = "budgets:\n  cost-per-person-a-day: 0.5\n"
    cost = {"amount": 0.75, "currency": "USD"}
    update = {"sessionUpdate": "usage_update", "used": 1_000, "size": 200_000, "cost": cost}
    await run(world, {"update": update}, {"say": "Done."})

    await fail(world)

    assert (await world.reply(Stage.REFUSED)).partition(", in ")[0] == snapshot("""\
The budget for `bob` in this repository is $0.50 a day (`cost-per-person-a-day`), and $0.75 are spent.

Next: the count resets at 00:00 UTC\
""")
