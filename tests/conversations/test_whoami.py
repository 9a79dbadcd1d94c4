"""`whoami`: what one may do here and why, and whose Codegen token the bot uses."""

import re

import pytest
from inline_snapshot import snapshot

from bot.commands.registry import COMMANDS
from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


def short(text: str) -> str:
    """The reply without the commands' names: of those there are more with every version."""
    return re.sub(r"^\| (`[\w-]+`(, )?)+ \|", "| … |", text, flags=re.MULTILINE)


async def test_writer_may_run_everything(world: World) -> None:
    comment = await world.comment("bob", "/codegen whoami")

    assert short(await world.reply(Stage.FINISHED)) == snapshot("""\
You are `bob`. According to GitHub, you have `write` access to `octo/shop`.

| commands | needed access | you may | because |
| --- | --- | --- | --- |
| … | `read` | yes | `write` includes `read` |
| … | `write` | yes | you have `write` |

On Codegen, the bot acts with the token of `alice` in organization 1.\
""")
    await world.reacted(comment, "eyes", "rocket")


@either_entry_point
async def test_reader_sees_missing_permission_and_who_has_it(world: World) -> None:
    await world.comment("carol", "/codegen whoami")

    assert short(await world.reply(Stage.FINISHED)) == snapshot(
        """\
You are `carol`. According to GitHub, you have `read` access to `octo/shop`.

| commands | needed access | you may | because |
| --- | --- | --- | --- |
| … | `read` | yes | you have `read` |
| … | `write` | no | `read` is less than `write`; `alice` can |

On Codegen, the bot acts with the token of `alice` in organization 1.\
"""
    )


@either_entry_point
async def test_nobody_is_named_if_no_one_else_has_access(world: World) -> None:
    """Carol opened the issue herself."""
    await world.comment("carol", "/codegen whoami", number=2)

    assert "`read` is less than `write`; someone with that access can" in await world.reply(Stage.FINISHED, number=2)


@either_entry_point
async def test_administrators_permission_includes_writing(world: World) -> None:
    world.github.world.accounts["alice"].role = "admin"

    await world.comment("alice", "/codegen whoami")

    text = await world.reply(Stage.FINISHED)
    assert "`admin` includes `read`" in text
    assert "`admin` includes `write`" in text


@either_entry_point
async def test_every_command_is_named_once(world: World) -> None:
    await world.comment("bob", "/codegen whoami")

    text = await world.reply(Stage.FINISHED)
    assert [text.count(f"`{name}`") for name in COMMANDS if name not in {"read", "write"}] == [1] * len(COMMANDS)


async def test_neither_token_nor_address_is_shown(world: World) -> None:
    await world.comment("bob", "/codegen whoami")

    text = await world.reply(Stage.FINISHED)
    assert "sk-" not in text
    assert "@" not in text


@either_entry_point
async def test_person_without_role_is_refused(world: World) -> None:
    await world.comment("dave", "/codegen whoami")

    assert (await world.reply(Stage.REFUSED)).startswith("`dave` needs `read` access for this")


@either_entry_point
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            401,
            snapshot(
                "It is not known whose token the bot uses on Codegen: `CODEGEN_API_TOKEN` is invalid: Codegen does not accept it (401): A scripted fault."
            ),
        ),
        (
            500,
            snapshot(
                "It is not known whose token the bot uses on Codegen: Codegen failed, and retrying did not help (500): A scripted fault."
            ),
        ),
    ],
)
async def test_where_codegen_does_not_answer_the_rest_is_reported(world: World, status: int, expected: str) -> None:
    world.codegen.control.fault(path="/users/me$", times=None, status=status)

    await world.comment("bob", "/codegen whoami")

    text = await world.reply(Stage.FINISHED)
    assert text.startswith("You are `bob`")
    assert text.splitlines()[-1] == expected


@either_entry_point
async def test_unknown_permission_is_refused(world: World) -> None:
    world.github.control.fault(path="/permission$", times=None, status=500)

    await world.comment("bob", "/codegen whoami")

    assert (await world.reply(Stage.FAILED)).startswith("GitHub failed, and retrying did not help")


@either_entry_point
async def test_unknown_flag_is_refused(world: World) -> None:
    await world.comment("bob", "/codegen whoami --verbose")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "There is no flag `--verbose` here. If it belongs to the prompt, put `--` before the prompt. For example: `/codegen whoami`"
    )


@either_entry_point
async def test_config_decides_what_a_command_takes(world: World) -> None:
    config = "permissions: {run: admin}\nprompts: {fix-tests: {command: run, prompt: Fix them.}}"
    world.github.world.files["main", ".github/codegen-bot.yml"] = config

    await world.comment("bob", "/codegen whoami")

    rows = (await world.reply(Stage.FINISHED)).splitlines()
    assert [row for row in rows if "`admin`" in row] == snapshot(
        ["| `run`, `fix-tests` | `admin` | no | `write` is less than `admin`; someone with that access can |"]
    )


@either_entry_point
async def test_whoami_of_an_allowed_bot_shows_the_config_level(world: World) -> None:
    world.github.add_bot("renovate[bot]")
    world.github.world.files["main", ".github/codegen-bot.yml"] = "allowed-bots: {'renovate[bot]': triage}"

    await world.comment("renovate[bot]", "/codegen whoami")

    said = await world.reply(Stage.FINISHED)
    assert said.partition("\n")[0] == snapshot(
        "You are `renovate[bot]`. According to the config file, you have `triage` access to `octo/shop`."
    )
