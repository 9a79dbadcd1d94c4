"""`whoami`: what one may do here and why, and whose Codegen token the bot uses."""

import re

import pytest
from inline_snapshot import snapshot

from bot.commands.table import COMMANDS
from bot.replies.markers import Stage
from tests.conversations.world import World


def short(text: str) -> str:
    """The reply without the commands' names: of those there are more with every version."""
    return re.sub(r"^\| (`[\w-]+`(, )?)+ \|", "| … |", text, flags=re.MULTILINE)


async def test_a_writer_is_let_in(world: World) -> None:
    comment = await world.says("bob", "/codegen whoami")

    assert short(await world.reply(Stage.FINISHED)) == snapshot("""\
You are `bob`, and GitHub says that you have `write` access to `octo/shop`.

| commands | take | you may | because |
| --- | --- | --- | --- |
| … | `read` | yes | `write` includes `read` |
| … | `write` | yes | you have `write` |

On Codegen, the bot acts with the token of `alice` in organization 1.\
""")
    await world.reacted(comment, "eyes", "rocket")


async def test_a_reader_is_told_what_keeps_her_out_and_who_can(world: World) -> None:
    await world.says("carol", "/codegen whoami")

    assert short(await world.reply(Stage.FINISHED)) == snapshot(
        """\
You are `carol`, and GitHub says that you have `read` access to `octo/shop`.

| commands | take | you may | because |
| --- | --- | --- | --- |
| … | `read` | yes | you have `read` |
| … | `write` | no | `read` is less than `write`; `alice` can |

On Codegen, the bot acts with the token of `alice` in organization 1.\
"""
    )


async def test_where_nobody_else_is_known_to_be_let_in_nobody_is_named(world: World) -> None:
    """Carol opened the issue herself."""
    await world.says("carol", "/codegen whoami", number=2)

    assert "`read` is less than `write`; somebody with it can" in await world.reply(Stage.FINISHED, number=2)


async def test_an_administrators_permission_includes_writing(world: World) -> None:
    world.github.world.accounts["alice"].role = "admin"

    await world.says("alice", "/codegen whoami")

    text = await world.reply(Stage.FINISHED)
    assert "`admin` includes `read`" in text
    assert "`admin` includes `write`" in text


async def test_every_command_is_named_once(world: World) -> None:
    await world.says("bob", "/codegen whoami")

    text = await world.reply(Stage.FINISHED)
    assert [text.count(f"`{name}`") for name in COMMANDS if name not in {"read", "write"}] == [1] * len(COMMANDS)


async def test_neither_token_nor_address_is_shown(world: World) -> None:
    await world.says("bob", "/codegen whoami")

    text = await world.reply(Stage.FINISHED)
    assert "sk-" not in text
    assert "@" not in text


async def test_somebody_without_any_role_is_refused(world: World) -> None:
    await world.says("dave", "/codegen whoami")

    assert (await world.reply(Stage.REFUSED)).startswith("`dave` may not do this here: it takes `read` access")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            401,
            snapshot(
                "Whose token the bot uses on Codegen could not be found out: Codegen does not accept the bot's token (401): A scripted fault."
            ),
        ),
        (
            500,
            snapshot(
                "Whose token the bot uses on Codegen could not be found out: Codegen has a fault of its own, and trying again did not help (500): A scripted fault."
            ),
        ),
    ],
)
async def test_where_codegen_does_not_answer_the_rest_is_reported(world: World, status: int, expected: str) -> None:
    world.codegen.control.fault(path="/users/me$", times=None, status=status)

    await world.says("bob", "/codegen whoami")

    text = await world.reply(Stage.FINISHED)
    assert text.startswith("You are `bob`")
    assert text.splitlines()[-1] == expected


async def test_where_github_does_not_tell_the_permission_nobody_is_let_in(world: World) -> None:
    world.github.control.fault(path="/permission$", times=None, status=500)

    await world.says("bob", "/codegen whoami")

    assert (await world.reply(Stage.FAILED)).startswith("GitHub has a fault of its own, and trying again did not help")


async def test_a_flag_that_is_none(world: World) -> None:
    await world.says("bob", "/codegen whoami --verbose")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "There is no flag `--verbose` here. If it belongs to the prompt, put `--` before the prompt. For example: `/codegen whoami`"
    )


async def test_the_config_decides_what_a_command_takes(world: World) -> None:
    config = "permissions: {run: admin}\nprompts: {fix-tests: {command: run, prompt: Fix them.}}"
    world.github.world.files["main", ".github/codegen-bot.yml"] = config

    await world.says("bob", "/codegen whoami")

    rows = (await world.reply(Stage.FINISHED)).splitlines()
    assert [row for row in rows if "`admin`" in row] == snapshot(
        ["| `run`, `fix-tests` | `admin` | no | `write` is less than `admin`; somebody with it can |"]
    )


async def test_whoami_of_an_allowed_bot_shows_the_config_level(world: World) -> None:
    world.github.add_bot("renovate[bot]")
    world.github.world.files["main", ".github/codegen-bot.yml"] = "allowed-bots: {'renovate[bot]': triage}"

    await world.says("renovate[bot]", "/codegen whoami")

    said = await world.reply(Stage.FINISHED)
    assert said.partition("\n")[0] == snapshot(
        "You are `renovate[bot]`, and the config file says that you have `triage` access to `octo/shop`."
    )
