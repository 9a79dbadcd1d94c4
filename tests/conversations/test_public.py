"""Where everybody can read the repository: what is the Codegen organization's own business is not shown."""

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.world import World


@pytest.mark.parametrize("name", ["users", "orgs", "integrations"])
async def test_account_command_is_refused(world: World, name: str) -> None:
    world.is_public()

    await world.says("alice", f"/codegen {name}")

    assert (await world.reply(Stage.REFUSED)).replace(name, "users") == snapshot("""\
`users` shows what is the Codegen organization's own business, and anybody can read this repository.

Next: `codegen-bot users` on the command line, with a Codegen token of your own; or give the command in a private repository.\
""")
    assert [entry.path for entry in world.codegen.control.journal if entry.path.endswith(name)] == []


async def test_one_user_is_refused(world: World) -> None:
    world.is_public()

    await world.says("alice", "/codegen users 2")

    assert (await world.reply(Stage.REFUSED)).startswith(
        "`users` shows what is the Codegen organization's own business"
    )


async def test_repos_shows_this_repository_only(world: World) -> None:
    world.is_public()

    await world.says("bob", "/codegen repos")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Codegen knows `octo/shop` as number 101. Others are not shown, because anybody can read this repository.

All of them: `codegen-bot repos` on the command line, with a Codegen token of your own\
""")


async def test_repos_where_codegen_does_not_know_this_one(world: World) -> None:
    world.is_public()
    world.codegen.control.fault(
        path="/repos$", status=200, body={"items": [], "total": 0, "page": 1, "size": 100, "pages": 0}
    )

    await world.says("bob", "/codegen repos")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Codegen does not know `octo/shop`: Codegen's settings add it. Others are not shown, because anybody can read this repository.

All of them: `codegen-bot repos` on the command line, with a Codegen token of your own\
""")


async def test_whoami_does_not_name_the_tokens_owner(world: World) -> None:
    world.is_public()

    await world.says("carol", "/codegen whoami")

    reply = await world.reply(Stage.FINISHED)
    assert reply.startswith("You are `carol`")
    assert "On Codegen" not in reply


async def test_runs_of_the_repository_are_shown_as_ever(world: World) -> None:
    world.is_public()
    await world.says("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1, summary="Rounded once.")
    await world.reply(Stage.FINISHED)

    for who, words in (("carol", "status"), ("bob", "runs"), ("bob", "logs")):
        await world.says(who, f"/codegen {words}")
        assert "un 1]" in await world.reply(Stage.FINISHED)
