"""Where the config file cannot be read, or is wrong: what it restricts holds all the same."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.town import Town

PATH = ".github/codegen-bot.yml"

STRICT = """\
permissions: {run: admin}
budgets: {runs-per-person-a-day: 1}
secret-patterns: ['shop-[0-9]{6}']
"""

only_the_server_remembers = pytest.mark.server_only(reason="a job has no database")


def has(town: Town, text: str) -> None:
    """The default branch has this config file."""
    town.github.world.files["main", PATH] = text


async def known(town: Town) -> None:
    """A first command, so that the bot has read the config file; then it is started anew."""
    await town.says("carol", "/codegen help help")
    await town.reply(Stage.FINISHED)
    await town.restart_bot()


async def reply_to(town: Town, login: str, text: str) -> str:
    """How the bot's reply to a command ends, apart from notices about the config file."""
    comment = await town.says(login, text)
    await town.github.until(lambda: any(f"-{comment.id}-" in each.body for each in town.bot_comments()))
    (reply,) = [each for each in town.bot_comments() if f"-{comment.id}-" in each.body]
    await town.github.until(
        lambda: any(f'"state": "{stage}"' in reply.body for stage in ("finished", "refused", "failed"))
    )
    town.read_all()
    return reply.body.partition("\n\n<!--")[0]


async def check_strict(town: Town) -> None:
    """The restrictions of `STRICT` hold."""
    assert await reply_to(town, "bob", "/codegen run fix it") == snapshot(
        "`bob` may not do this here: it takes `admin` access, and `bob` has `write`. `alice` can."
    )
    await town.says("alice", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1, result="The key shop-123456 is wrong.")
    await town.until_reply(lambda body: "The key [redacted] is wrong." in body)
    assert "`runs-per-person-a-day`" in await reply_to(town, "alice", "/codegen run fix that")
    assert len(town.codegen.runs) == 1


def notices(town: Town) -> list[str]:
    """What the bot has posted about the config file itself."""
    bodies = [comment.body for comment in town.read_all()]
    return [body.partition("\n\n<!--")[0] for body in bodies if '"command": "config"' in body]


async def notice(town: Town) -> str:
    """The one that there is."""
    await town.github.until(lambda: bool(notices(town)))
    (found,) = notices(town)
    return found


@only_the_server_remembers
@pytest.mark.parametrize("status", [503, 403, 404])
async def test_unreadable_file_leaves_its_last_version_in_force(town: Town, status: int) -> None:
    has(town, STRICT)
    await known(town)
    town.github.control.fault(path="/shop/contents/", times=None, status=status, body={"message": "Not Found"})

    await check_strict(town)

    if status == 503:  # it passes by itself
        assert notices(town) == []
    else:
        assert "its last good version holds" in await notice(town)


@only_the_server_remembers
async def test_hidden_file_is_told_once(town: Town) -> None:
    has(town, STRICT)
    await known(town)
    town.github.control.fault(path="/shop/contents/", times=None, status=404, body={"message": "Not Found"})

    for _ in range(2):
        await reply_to(town, "bob", "/codegen help status")

    assert await notice(town) == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be used:

- GitHub does not show it to the bot any more (404).

Until it can be read again, its last good version holds.

Next: whoever runs the bot gives it read access to the repository's contents (`contents: read`), or puts the file back. This is posted once for each version of the file.\
""")


@only_the_server_remembers
async def test_slow_github_leaves_the_last_version_in_force(town: Town) -> None:
    has(town, STRICT)
    town.config_patience = 0.05
    await known(town)
    town.github.control.fault(path="/contents/", times=None, action="hang", delay=60)

    await check_strict(town)


@only_the_server_remembers
async def test_wrong_file_leaves_its_last_version_in_force(town: Town) -> None:
    has(town, STRICT)
    await known(town)
    has(town, "progres: true\n")

    await check_strict(town)

    assert await notice(town) == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be used:

- Line 1: There is no key "progres". Did you mean "progress"?

Until it is fixed, its last good version holds, together with whatever this one restricts further.

Next: fix it on the default branch; `codegen-bot check-config FILE` checks a file beforehand. This is posted once for each version of the file.\
""")


@only_the_server_remembers
@pytest.mark.parametrize("text", ["permissions: [", "- permissions", "x: " * 30_000], ids=["cut", "list", "large"])
async def test_file_that_is_no_yaml_leaves_its_last_version_in_force(town: Town, text: str) -> None:
    has(town, STRICT)
    await known(town)
    has(town, text)

    await check_strict(town)

    assert "its last good version holds" in await notice(town)


@only_the_server_remembers
async def test_wrong_file_restricts_more_where_it_can_be_read(town: Town) -> None:
    town.github.add_bot("renovate[bot]")
    has(town, "allowed-bots: ['renovate[bot]']\nbudgets: {runs-per-person-a-day: 9}\n")
    await known(town)
    has(town, f"{STRICT}prefix: agent\n")

    await check_strict(town)

    assert "`renovate[bot]` is a bot" in await reply_to(town, "renovate[bot]", "/codegen run merge me")


@only_the_server_remembers
async def test_wrong_file_lets_nobody_more(town: Town) -> None:
    has(town, STRICT)
    await known(town)
    has(town, "permissions: {run: read}\nbudgets: {runs-per-person-a-day: 99}\nsecret-patterns: []\nprefix: agent\n")

    await check_strict(town)


@only_the_server_remembers
async def test_deleted_file_restricts_nothing_any_more(town: Town) -> None:
    has(town, STRICT)
    await known(town)
    del town.github.world.files["main", PATH]

    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)

    # Nor after the next start, without GitHub.
    await town.restart_bot()
    town.github.control.fault(path="/contents/", times=None, status=503)
    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(2)
    town.codegen.finish(2)
    await town.reply(Stage.FINISHED)


@only_the_server_remembers
async def test_organization_file_that_is_lost_stays_in_force(town: Town) -> None:
    """The whole repository is gone, or the bot cannot see it any more: GitHub says the same."""
    town.github.world.organisation_files["codegen-bot.yml"] = STRICT
    await known(town)
    town.github.world.organisation_files.clear()

    await check_strict(town)

    assert await notice(town) == snapshot("""\
The config file `octo/.github/codegen-bot.yml` cannot be used:

- GitHub does not show it to the bot any more (404).

Until it can be read again, its last good version holds.

Next: whoever runs the bot gives it read access to the repository's contents (`contents: read`), or puts the file back. This is posted once for each version of the file.\
""")


@only_the_server_remembers
async def test_organization_file_that_is_deleted_restricts_nothing_any_more(town: Town) -> None:
    town.github.world.organisation_files |= {"codegen-bot.yml": STRICT, "README.md": "Ours."}
    await known(town)
    del town.github.world.organisation_files["codegen-bot.yml"]

    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)


async def test_files_that_do_not_fit_together_both_hold(town: Town) -> None:
    town.github.world.organisation_files["codegen-bot.yml"] = f"{STRICT}labels: {{run: go}}\n"
    has(town, "labels: {remove: go}\n")

    assert "takes `admin` access" in await reply_to(town, "bob", "/codegen run fix it")
    assert await notice(town) == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be used:

- Together with the organisation's file: "labels.remove" is also the label of "labels.run". Each needs a name of its own.

Until it is fixed, both files hold, except for the organization's labels and named prompts.

Next: fix it on the default branch; `codegen-bot check-config FILE` checks a file beforehand. This is posted once for each version of the file.\
""")


async def test_wrong_file_without_an_earlier_one_lets_administrators_only(town: Town) -> None:
    has(town, "permissions: {rum: admin}\nsecret-patterns: ['shop-[0-9]{6}']\nprefix: /agent\n")

    assert await reply_to(town, "bob", "/agent run fix it") == snapshot(
        "`bob` may not do this here: it takes `admin` access, and `bob` has `write`. `alice` can. The config file `octo/shop/.github/codegen-bot.yml` is wrong, so for now every command takes `admin` access."
    )
    assert await notice(town) == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be used:

- Line 1: There is no command "rum". Did you mean "run"?

No good version of it is known. Until it is fixed, only people with `admin` access may give commands, bots may not, there are no named prompts, and one agent run a day may be started.

Next: fix it on the default branch; `codegen-bot check-config FILE` checks a file beforehand. This is posted once for each version of the file.\
""")
    await town.says("alice", "/agent run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1, result="The key shop-123456 is wrong.")
    await town.until_reply(lambda body: "The key [redacted] is wrong." in body)
    assert "**status**" in await reply_to(town, "carol", "/agent help status")


async def test_wrong_file_that_may_hold_patterns_closes_the_repository(town: Town) -> None:
    has(town, "permisions: {run: admin}\n")

    assert await reply_to(town, "alice", "/codegen run fix it") == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` is wrong, and no good version of it is known, so only `help` works.

Next: fix it on the default branch (`codegen-bot check-config FILE` says what is wrong); then give the command again.\
""")
    assert await notice(town) == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be used:

- Line 1: There is no key "permisions". Did you mean "permissions"?

No good version of it is known, and this one may hold secret patterns that cannot be read. Until it is fixed, only `help` works.

Next: fix it on the default branch; `codegen-bot check-config FILE` checks a file beforehand. This is posted once for each version of the file.\
""")
    assert "**status**" in await reply_to(town, "carol", "/codegen help status")
    assert town.codegen.runs == {}


async def test_file_that_was_never_read_closes_the_repository(town: Town) -> None:
    town.github.control.fault(
        path="/shop/contents/", times=None, status=403, body={"message": "Resource not accessible by integration"}
    )

    assert await reply_to(town, "alice", "/codegen run fix it") == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be read (GitHub: 403 Resource not accessible by integration), and no earlier version of it is known. What it forbids is not known either, so nothing but `help` works.

Next: whoever runs the bot gives it read access to the repository's contents (`contents: read`); then give the command again in a new comment.\
""")
    assert await reply_to(town, "alice", "/codegen whatever") == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be read (GitHub: 403 Resource not accessible by integration), and no earlier version of it is known. What it forbids is not known either, so nothing but `help` works.

Next: whoever runs the bot gives it read access to the repository's contents (`contents: read`); then give the command again in a new comment.\
""")
    assert "it takes `write` access" in await reply_to(town, "carol", "/codegen run fix it")
    assert "**status**" in await reply_to(town, "carol", "/codegen help status")
    assert town.codegen.runs == {}


async def test_hidden_files_close_the_repository(town: Town) -> None:
    """GitHub says 404 of a file that the bot may not see, as if there were none."""
    town.github.control.fault(path="/shop/contents/", times=None, status=404, body={"message": "Not Found"})

    assert await reply_to(town, "alice", "/codegen run fix it") == snapshot("""\
The config file `octo/shop/.github/codegen-bot.yml` cannot be read (GitHub: 404 Not Found), and no earlier version of it is known. What it forbids is not known either, so nothing but `help` works.

Next: whoever runs the bot gives it read access to the repository's contents (`contents: read`); then give the command again in a new comment.\
""")
    assert town.codegen.runs == {}


async def test_empty_repository_has_the_usual_settings(town: Town) -> None:
    town.github.control.fault(
        path="/shop/contents/$", times=None, status=404, body={"message": "This repository is empty."}
    )

    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)


async def test_label_in_a_closed_repository_is_refused_and_comes_off(town: Town) -> None:
    town.github.control.fault(path="/shop/contents/", times=None, status=403, body={"message": "Forbidden"})

    town.github.label("bob", 1, "codegen:run")

    assert "cannot be read (GitHub: 403 Forbidden)" in await town.reply(Stage.FAILED)
    await town.github.until(lambda: town.github.labels(1) == [])
    assert town.codegen.runs == {}
