"""Where everybody can read the repository: what is the Codegen organization's own business is not shown."""

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.town import Town


@pytest.mark.parametrize("name", ["users", "orgs", "integrations"])
async def test_account_command_is_refused(town: Town, name: str) -> None:
    town.is_public()

    await town.says("alice", f"/codegen {name}")

    assert (await town.reply(Stage.REFUSED)).replace(name, "users") == snapshot("""\
`users` shows what is the Codegen organization's own business, and anybody can read this repository.

Next: `codegen-bot users` on the command line, with a Codegen token of your own; or give the command in a private repository.\
""")
    assert [entry.path for entry in town.codegen.control.journal if entry.path.endswith(name)] == []


async def test_one_user_is_refused(town: Town) -> None:
    town.is_public()

    await town.says("alice", "/codegen users 2")

    assert (await town.reply(Stage.REFUSED)).startswith("`users` shows what is the Codegen organization's own business")


async def test_repos_shows_this_repository_only(town: Town) -> None:
    town.is_public()

    await town.says("bob", "/codegen repos")

    assert await town.reply(Stage.FINISHED) == snapshot("""\
Codegen knows `octo/shop` as number 101. Others are not shown, because anybody can read this repository.

All of them: `codegen-bot repos` on the command line, with a Codegen token of your own\
""")


async def test_repos_where_codegen_does_not_know_this_one(town: Town) -> None:
    town.is_public()
    town.codegen.control.fault(
        path="/repos$", status=200, body={"items": [], "total": 0, "page": 1, "size": 100, "pages": 0}
    )

    await town.says("bob", "/codegen repos")

    assert await town.reply(Stage.FINISHED) == snapshot("""\
Codegen does not know `octo/shop`: Codegen's settings add it. Others are not shown, because anybody can read this repository.

All of them: `codegen-bot repos` on the command line, with a Codegen token of your own\
""")


async def test_whoami_does_not_name_the_tokens_owner(town: Town) -> None:
    town.is_public()

    await town.says("carol", "/codegen whoami")

    reply = await town.reply(Stage.FINISHED)
    assert reply.startswith("You are `carol`")
    assert "On Codegen" not in reply


async def test_runs_of_the_repository_are_shown_as_ever(town: Town) -> None:
    town.is_public()
    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1, summary="Rounded once.")
    await town.reply(Stage.FINISHED)

    for who, words in (("carol", "status"), ("bob", "runs"), ("bob", "logs")):
        await town.says(who, f"/codegen {words}")
        assert "un 1]" in await town.reply(Stage.FINISHED)
