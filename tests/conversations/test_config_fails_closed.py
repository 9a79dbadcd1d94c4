"""Where the config file cannot be read, or is wrong: what it restricts holds all the same."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World

PATH = ".github/codegen-bot.yml"

STRICT = """\
permissions: {run: admin}
budgets: {runs-per-person-a-day: 1}
secret-patterns: ['shop-[0-9]{6}']
"""

only_the_server_remembers = pytest.mark.server_only(reason="a job has no database")


def has(world: World, text: str) -> None:
    """The default branch has this config file."""
    world.github.world.files["main", PATH] = text


async def known(world: World) -> None:
    """A first command, so that the bot has read the config file; then it is started anew."""
    await world.comment("carol", "/codegen help help")
    await world.reply(Stage.FINISHED)
    await world.until_done(1)
    await world.restart_bot()


async def reply_to(world: World, login: str, text: str) -> str:
    """How the bot's reply to a command ends, apart from notices about the config file."""
    comment = await world.comment(login, text)
    await world.github.until(lambda: any(f"-{comment.id}-" in each.body for each in world.bot_comments()))
    (reply,) = [each for each in world.bot_comments() if f"-{comment.id}-" in each.body]
    await world.github.until(
        lambda: any(f'"state": "{stage}"' in reply.body for stage in ("finished", "refused", "failed"))
    )
    world.read_all()
    return reply.body.partition("\n\n<!--")[0]


async def check_strict(world: World) -> None:
    """The restrictions of `STRICT` hold."""
    assert await reply_to(world, "bob", "/codegen run fix it") == snapshot(
        "`bob` needs `admin` access for this, and has `write`. Ask `alice`."
    )
    await world.comment("alice", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1, result="The key shop-123456 is wrong.")
    await world.until_reply(lambda body: "The key [redacted] is wrong." in body)
    assert "`runs-per-person-a-day`" in await reply_to(world, "alice", "/codegen run fix that")
    assert len(world.codegen.runs) == 1


def notices(world: World) -> list[str]:
    """What the bot has posted about the config file itself."""
    bodies = [comment.body for comment in world.read_all()]
    return [body.partition("\n\n<!--")[0] for body in bodies if '"command": "config"' in body]


async def notice(world: World) -> str:
    """The one that there is."""
    await world.github.until(lambda: bool(notices(world)))
    (found,) = notices(world)
    return found


@only_the_server_remembers
@pytest.mark.parametrize("status", [503, 403, 404])
async def test_unreadable_file_leaves_its_last_version_in_force(world: World, status: int) -> None:
    has(world, STRICT)
    await known(world)
    world.github.control.fault(path="/shop/contents/", times=None, status=status, body={"message": "Not Found"})

    await check_strict(world)

    if status == 503:  # it passes by itself
        assert notices(world) == []
    else:
        assert "its last valid version applies" in await notice(world)


@only_the_server_remembers
async def test_hidden_file_is_reported_once(world: World) -> None:
    has(world, STRICT)
    await known(world)
    world.github.control.fault(path="/shop/contents/", times=None, status=404, body={"message": "Not Found"})

    for _ in range(2):
        await reply_to(world, "bob", "/codegen help status")

    assert await notice(world) == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be used:

- GitHub does not show it to the bot any more (404).

Until it can be read again, its last valid version applies.

Next: the bot's operator must give it read access to the repository's contents (`contents: read`), or put the file back. This is posted once for each version of the file.\
""")


@only_the_server_remembers
async def test_slow_github_leaves_the_last_version_in_force(world: World) -> None:
    has(world, STRICT)
    world.timing["config_timeout"] = 0.05
    await known(world)
    world.github.control.fault(path="/contents/", times=None, action="hang", delay=60)

    await check_strict(world)


@only_the_server_remembers
async def test_wrong_file_leaves_its_last_version_in_force(world: World) -> None:
    has(world, STRICT)
    await known(world)
    has(world, "progres: true\n")

    await check_strict(world)

    assert await notice(world) == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be used:

- Line 1: There is no key "progres". Did you mean "progress"?

Until it is fixed, its last valid version applies, together with whatever this one restricts further.

Next: fix it on the default branch; `codegen-bot check-config FILE` checks a file beforehand. This is posted once for each version of the file.\
""")


@only_the_server_remembers
@pytest.mark.parametrize("text", ["permissions: [", "- permissions", "x: " * 30_000], ids=["cut", "list", "large"])
async def test_file_that_is_no_yaml_leaves_its_last_version_in_force(world: World, text: str) -> None:
    has(world, STRICT)
    await known(world)
    has(world, text)

    await check_strict(world)

    assert "its last valid version applies" in await notice(world)


@only_the_server_remembers
async def test_wrong_file_restricts_more_where_it_can_be_read(world: World) -> None:
    world.github.add_bot("renovate[bot]")
    has(world, "allowed-bots: ['renovate[bot]']\nbudgets: {runs-per-person-a-day: 9}\n")
    await known(world)
    has(world, f"{STRICT}prefix: agent\n")

    await check_strict(world)

    assert "`renovate[bot]` is a bot" in await reply_to(world, "renovate[bot]", "/codegen run merge me")


@only_the_server_remembers
async def test_invalid_file_grants_no_new_access(world: World) -> None:
    has(world, STRICT)
    await known(world)
    has(world, "permissions: {run: read}\nbudgets: {runs-per-person-a-day: 99}\nsecret-patterns: []\nprefix: agent\n")

    await check_strict(world)


@only_the_server_remembers
async def test_deleted_file_restricts_nothing_any_more(world: World) -> None:
    has(world, STRICT)
    await known(world)
    del world.github.world.files["main", PATH]

    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    await world.until_done(1)

    # Nor after the next start, without GitHub.
    await world.restart_bot()
    world.github.control.fault(path="/contents/", times=None, status=503)
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(2)
    world.codegen.finish(2)
    await world.reply(Stage.FINISHED)


@only_the_server_remembers
async def test_folder_instead_of_file_keeps_last_version(world: World) -> None:
    has(world, STRICT)
    await known(world)
    files = world.github.world.files
    files["main", f"{PATH}/README.md"] = files.pop(("main", PATH))

    await check_strict(world)

    assert "- Line 1: The file cannot be used: .github/codegen-bot.yml is over 1 MB, or no file of" in await notice(
        world
    )


@only_the_server_remembers
async def test_organization_file_that_is_lost_stays_in_force(world: World) -> None:
    """The whole repository is gone, or the bot cannot see it any more: GitHub says the same."""
    world.github.world.organization_files["codegen-bot.yml"] = STRICT
    await known(world)
    world.github.world.organization_files.clear()

    await check_strict(world)

    assert await notice(world) == snapshot("""\
The config file `octo/.github/codegen-bot.yml` cannot be used:

- GitHub does not show it to the bot any more (404).

Until it can be read again, its last valid version applies.

Next: the bot's operator must give it read access to the repository's contents (`contents: read`), or put the file back. This is posted once for each version of the file.\
""")


@only_the_server_remembers
async def test_deleted_organization_file_restricts_nothing(world: World) -> None:
    world.github.world.organization_files |= {"codegen-bot.yml": STRICT, "README.md": "Ours."}
    await known(world)
    del world.github.world.organization_files["codegen-bot.yml"]

    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


async def test_files_that_do_not_fit_together_both_hold(world: World) -> None:
    world.github.world.organization_files["codegen-bot.yml"] = f"{STRICT}labels: {{run: go}}\n"
    has(world, "labels: {remove: go}\n")

    assert "needs `admin` access" in await reply_to(world, "bob", "/codegen run fix it")
    assert await notice(world) == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be used:

- Together with the organization's file: "labels.remove" is also the label of "labels.run"; each needs a name of its own.

Until it is fixed, both files apply, except for the organization's labels and named prompts.

Next: fix it on the default branch; `codegen-bot check-config FILE` checks a file beforehand. This is posted once for each version of the file.\
""")


async def test_invalid_first_file_admits_administrators_only(world: World) -> None:
    has(world, "permissions: {rum: admin}\nsecret-patterns: ['shop-[0-9]{6}']\nprefix: /agent\n")

    assert await reply_to(world, "bob", "/agent run fix it") == snapshot(
        "`bob` needs `admin` access for this, and has `write`. Ask `alice`. The config file `octo/shop/.github/codegen-bot.yml` is invalid, so for now every command needs `admin` access."
    )
    assert await notice(world) == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be used:

- Line 1: "permissions.rum" is not a command. Did you mean "run"?

No valid version of it is known. Until it is fixed, only people with `admin` access may give commands, bots may not, there are no named prompts, and one agent run a day may be started.

Next: fix it on the default branch; `codegen-bot check-config FILE` checks a file beforehand. This is posted once for each version of the file.\
""")
    await world.comment("alice", "/agent run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1, result="The key shop-123456 is wrong.")
    await world.until_reply(lambda body: "The key [redacted] is wrong." in body)
    assert "**status**" in await reply_to(world, "carol", "/agent help status")


async def test_invalid_file_that_may_hold_patterns_closes_it(world: World) -> None:
    has(world, "permisions: {run: admin}\n")

    assert await reply_to(world, "alice", "/codegen run fix it") == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` is invalid, and no valid version of it is known, so only `help` works.

Next: fix it on the default branch (`codegen-bot check-config FILE` reports the problems); then give the command again.\
""")
    assert await notice(world) == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be used:

- Line 1: There is no key "permisions". Did you mean "permissions"?

No valid version of it is known, and this one may hold secret patterns that cannot be read. Until it is fixed, only `help` works.

Next: fix it on the default branch; `codegen-bot check-config FILE` checks a file beforehand. This is posted once for each version of the file.\
""")
    assert "**status**" in await reply_to(world, "carol", "/codegen help status")
    assert world.codegen.runs == {}


async def test_file_that_was_never_read_closes_the_repository(world: World) -> None:
    world.github.control.fault(
        path="/shop/contents/", times=None, status=403, body={"message": "Resource not accessible by integration"}
    )

    assert await reply_to(world, "alice", "/codegen run fix it") == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be read (GitHub: 403 Resource not accessible by integration), and no earlier version of it is known. What it forbids is not known either, so only `help` works.

Next: the bot's operator must give it read access to the repository's contents (`contents: read`); then give the command again in a new comment.\
""")
    assert await reply_to(world, "alice", "/codegen whatever") == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be read (GitHub: 403 Resource not accessible by integration), and no earlier version of it is known. What it forbids is not known either, so only `help` works.

Next: the bot's operator must give it read access to the repository's contents (`contents: read`); then give the command again in a new comment.\
""")
    assert "needs `write` access" in await reply_to(world, "carol", "/codegen run fix it")
    assert "**status**" in await reply_to(world, "carol", "/codegen help status")
    assert world.codegen.runs == {}


async def test_hidden_files_close_the_repository(world: World) -> None:
    """GitHub says 404 of a file that the bot may not see, as if there were none."""
    world.github.control.fault(path="/shop/contents/", times=None, status=404, body={"message": "Not Found"})

    assert await reply_to(world, "alice", "/codegen run fix it") == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be read (GitHub: 404 Not Found), and no earlier version of it is known. What it forbids is not known either, so only `help` works.

Next: the bot's operator must give it read access to the repository's contents (`contents: read`); then give the command again in a new comment.\
""")
    assert world.codegen.runs == {}


async def test_empty_repository_has_the_usual_settings(world: World) -> None:
    world.github.control.fault(
        path="/shop/contents/$", times=None, status=404, body={"message": "This repository is empty."}
    )

    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


async def test_label_in_a_closed_repository_is_refused_and_comes_off(world: World) -> None:
    world.github.control.fault(path="/shop/contents/", times=None, status=403, body={"message": "Forbidden"})

    world.github.label("bob", 1, "codegen:run")

    assert "cannot be read (GitHub: 403 Forbidden)" in await world.reply(Stage.FAILED)
    await world.github.until(lambda: world.github.labels(1) == [])
    assert world.codegen.runs == {}
