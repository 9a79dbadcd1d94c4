"""Where everybody can read the repository: what is the Codegen organization's own business is not shown."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World


@pytest.mark.parametrize("name", ["users", "orgs", "integrations"])
async def test_account_command_is_refused(world: World, name: str) -> None:
    world.make_public()

    await world.comment("alice", f"/codegen {name}")

    assert (await world.reply(Stage.REFUSED)).replace(name, "users") == snapshot("""\
`users` shows internal data of the Codegen organization, and this repository is public.

Next: `codegen-bot users` on the command line, with a Codegen token of your own; or give the command in a private repository.\
""")
    assert [entry.path for entry in world.codegen.control.journal if entry.path.endswith(name)] == []


async def test_one_user_is_refused(world: World) -> None:
    world.make_public()

    await world.comment("alice", "/codegen users 2")

    assert (await world.reply(Stage.REFUSED)).startswith("`users` shows internal data of the Codegen organization")


async def test_repos_shows_this_repository_only(world: World) -> None:
    world.make_public()

    await world.comment("bob", "/codegen repos")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Codegen knows `octo/shop` as number 101. Other repositories are not listed here, because this one is public.

All of them: `codegen-bot repos` on the command line, with a Codegen token of your own\
""")


async def test_repos_where_codegen_does_not_know_this_one(world: World) -> None:
    world.make_public()
    world.codegen.control.fault(
        path="/repos$", status=200, body={"items": [], "total": 0, "page": 1, "size": 100, "pages": 0}
    )

    await world.comment("bob", "/codegen repos")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Codegen does not know `octo/shop`: add it in Codegen's settings. Other repositories are not listed here, because this one is public.

All of them: `codegen-bot repos` on the command line, with a Codegen token of your own\
""")


async def test_whoami_does_not_name_the_tokens_owner(world: World) -> None:
    world.make_public()

    await world.comment("carol", "/codegen whoami")

    reply = await world.reply(Stage.FINISHED)
    assert reply.startswith("You are `carol`")
    assert "On Codegen" not in reply


@pytest.mark.parametrize("words", ["status 1", "logs 1", "resume 1 go on", "cancel 1"])
async def test_run_of_no_known_repository_is_refused(world: World, words: str) -> None:
    world.make_public()
    world.codegen.start_elsewhere("Something")

    await world.comment("alice", f"/codegen {words}")

    assert (await world.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")


async def test_runs_of_the_repository_are_shown_as_ever(world: World) -> None:
    world.make_public()
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1, summary="Rounded once.")
    await world.reply(Stage.FINISHED)

    for who, words in (("carol", "status"), ("bob", "runs"), ("bob", "logs")):
        await world.comment(who, f"/codegen {words}")
        assert "un 1]" in await world.reply(Stage.FINISHED)
