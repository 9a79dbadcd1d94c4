"""`--repo-id`: an agent works in another repository only for people who may have it work there."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World

DOCS = 102
"""Codegen's number of octo/docs."""


def has(world: World, text: str) -> None:
    world.github.world.files["main", ".github/codegen-bot.yml"] = text


async def finished(world: World, number: int) -> None:
    await world.codegen.run_created(number)
    world.codegen.finish(number)
    await world.reply(Stage.FINISHED)


async def test_repo_id_takes_write_access_there(world: World) -> None:
    """A number that Codegen does not know gets the same answer: it does not say what there is."""
    world.github.add_repository("octo/docs", {"bob": "read"})

    await world.comment("bob", "/codegen run --repo-id 102 push my key to main")
    refusal = await world.reply()
    assert refusal == snapshot("""\
`--repo-id 102` is not a repository in which `bob` is known to be allowed to use `run`. That takes `write` access there, or more if its config file says so. Nothing was started.

Next: give the command in that repository; without `--repo-id`, the agent works on this one.\
""")
    await world.comment("bob", "/codegen run --repo-id 999 push my key to main")
    assert await world.reply() == refusal.replace("102", "999")

    assert world.codegen.runs == {}


async def test_repo_id_is_refused_where_the_bot_is_not_installed(world: World) -> None:
    await world.comment("alice", "/codegen run --repo-id 102 fix it")

    assert (await world.reply()).startswith("`--repo-id 102` is not a repository in which `alice` is known")
    assert world.codegen.runs == {}


async def test_repo_id_is_refused_without_known_permission(world: World) -> None:
    world.github.add_repository("octo/docs", {"bob": "admin"})
    world.github.control.fault(path="/octo/docs/collaborators", times=None, status=500)

    await world.comment("bob", "/codegen run --repo-id 102 fix it")

    assert (await world.reply()).startswith("`--repo-id 102` is not a repository in which `bob` is known")
    assert world.codegen.runs == {}


async def test_repo_id_starts_a_run_with_write_access_there(world: World) -> None:
    world.github.add_repository("octo/docs", {"bob": "write"})

    await world.comment("bob", "/codegen run --repo-id 102 fix it")
    await finished(world, 1)

    run = world.codegen.runs[1]
    assert run.repo_id == DOCS
    assert run.metadata is not None
    assert run.metadata["codegen_bot"]["works_in"] == "octo/docs"


async def test_repo_id_takes_what_the_config_there_says(world: World) -> None:
    config = "permissions: {run: maintain}"
    world.github.add_repository("octo/docs", {"bob": "write"}, files={".github/codegen-bot.yml": config})

    await world.comment("bob", "/codegen run --repo-id 102 fix it")
    assert (await world.reply()).startswith("`--repo-id 102` is not a repository")
    await world.comment("bob", "/codegen multi-run -n 1 --repo-id 102 fix it")
    await finished(world, 1)


async def test_repo_id_is_refused_with_unreadable_config_there(world: World) -> None:
    world.github.add_repository("octo/docs", {"bob": "admin"})
    world.github.control.fault(path="/octo/docs/contents", times=None, status=500)

    await world.comment("bob", "/codegen run --repo-id 102 fix it")

    assert (await world.reply()).startswith("`--repo-id 102` is not a repository in which `bob` is known")
    assert world.codegen.runs == {}


async def test_repo_id_always_takes_write_access_there(world: World) -> None:
    config = "permissions: {run: read}"
    world.github.add_repository("octo/docs", {"bob": "triage"}, files={".github/codegen-bot.yml": config})

    await world.comment("bob", "/codegen run --repo-id 102 fix it")

    assert (await world.reply()).startswith("`--repo-id 102` is not a repository")


@pytest.mark.parametrize("command", ["multi-run -n 6 --repo-id 102 fix it", "tidy --repo-id 102"])
async def test_repo_id_is_checked_for_every_command_that_takes_it(world: World, command: str) -> None:
    """Before anybody is asked to confirm."""
    has(world, "prompts: {tidy: {command: run, prompt: Tidy up.}}")
    world.github.add_repository("octo/docs", {"bob": "read"})

    await world.comment("bob", f"/codegen {command}")

    assert (await world.reply()).startswith("`--repo-id 102` is not a repository in which `bob` is known")
    assert world.codegen.runs == {}


async def test_repo_id_is_not_for_bots(world: World) -> None:
    """Nobody knows what they may do elsewhere."""
    has(world, "allowed-bots: ['renovate[bot]']")
    world.github.add_bot("renovate[bot]")
    world.github.add_repository("octo/docs", {"renovate[bot]": "admin"})

    await world.comment("renovate[bot]", "/codegen run --repo-id 102 fix it")

    assert (await world.reply()).startswith("`--repo-id 102` is not a repository")
    assert world.codegen.runs == {}


async def test_repo_id_reaches_no_other_repository_from_a_public_one(world: World) -> None:
    """Whatever the agent answers would be public."""
    world.github.world.private = False
    world.github.add_repository("octo/docs", {"alice": "admin"})

    await world.comment("alice", "/codegen run --repo-id 102 fix it")

    assert await world.reply() == snapshot("""\
`--repo-id 102` is not this repository, and this repository is public: everyone could read here what an agent finds in the other one. Nothing was started.

Next: give the command in that repository; without `--repo-id`, the agent works on this one.\
""")
    assert world.codegen.runs == {}


async def test_repo_id_may_name_the_repository_itself(world: World) -> None:
    world.github.world.private = False

    await world.comment("bob", "/codegen run --repo-id 101 fix it")
    await finished(world, 1)

    assert world.codegen.runs[1].repo_id == 101


async def test_resume_of_a_run_elsewhere_takes_rights_there(world: World) -> None:
    """Alice may write in octo/docs and started the run from here; Bob may write here only."""
    world.github.add_repository("octo/docs", {"alice": "write", "bob": "read"})
    await world.comment("alice", "/codegen run --repo-id 102 fix it")
    await finished(world, 1)

    for command in ("resume push my key to main", "resume 1 push my key to main"):
        await world.comment("bob", f"/codegen {command}")
        assert await world.reply(Stage.REFUSED) == snapshot("""\
Run 1 works in another repository, and `bob` is not known to be allowed to use `resume` there and have the answer shown here. Nothing was sent.

Next: give the command in that repository. It takes `write` access there, or more if its config file says so.\
""")
    assert len(world.codegen.runs[1].prompts) == 1

    await world.comment("alice", "/codegen resume also the footer")
    await world.reply(Stage.STARTED)
    assert len(world.codegen.runs[1].prompts) == 2
