"""`help`, and words that were meant as a command and are none."""

import pytest
from inline_snapshot import snapshot

from tests.conversations.world import World


async def test_help_shows_everything_that_can_be_said(world: World) -> None:
    comment = await world.says("carol", "/codegen help")

    assert await world.reply() == snapshot("""\
A command starts a line of a comment; what follows it is the prompt, up to the next command.

| say | what it does | who may |
|---|---|---|
| `/codegen run [--model M] [--agent-type codegen\\|claude_code] [--repo-id N] [--image URL]... PROMPT` | Starts an agent on this pull request or issue. | people with write access |
| `/codegen resume [RUN] PROMPT` | Gives a run a follow-up; without a number, this thread's latest run. | people with write access |
| `/codegen multi-run [--attempts N] [--synthesis-prompt P] [--model M]... [--agent-type codegen\\|claude_code]... [--repo-id N] [--image URL]... PROMPT` | Lets several agents try the same, then one more makes the best of it. | people with write access |
| `/codegen confirm` | Confirms your own large multi-run that waits on this thread; a thumbs-up on its comment does too. | people with write access |
| `/codegen keep N\\|synthesis` | Keeps one attempt of the latest multi-run (or its synthesis) and closes the others' pull requests. | people with write access |
| `/codegen status [RUN]` | Shows how a run is; without a number, this thread's latest run. | everybody who may read the repository |
| `/codegen runs [--status S] [--limit N]` | Shows the latest runs, those of this thread marked. | people with write access |
| `/codegen logs [RUN] [--last N]` | Shows what a run did: errors, tools, last thoughts, its answer and the end of its log. | people with write access |
| `/codegen cancel [RUN]` | Says how a run can be stopped; Codegen stops none that has no pull request. | everybody who may read the repository |
| `/codegen ban-checks [RUN]` | Stops Codegen from reacting to this pull request's checks, and its agents on it. | people with write access |
| `/codegen unban-checks [RUN]` | Lets Codegen react to this pull request's checks again. | people with write access |
| `/codegen remove [RUN]` | Takes Codegen off this pull request and stops its agents on it. | people with write access |
| `/codegen close [RUN]` | Closes a run's pull request; without a number, that of this thread's latest run. | people with write access |
| `/codegen reopen [RUN]` | Opens a run's closed pull request again. | people with write access |
| `/codegen draft [RUN]` | Makes a run's pull request a draft. | people with write access |
| `/codegen ready [RUN]` | Marks a run's pull request as ready for review. | people with write access |
| `/codegen checks [--retries N] [--ignore NAME]... [--unignore NAME]...` | Shows how Codegen reacts to this repository's checks, and changes it. | people with write access |
| `/codegen analyze-logs [SANDBOX_ID]` | Explains why a sandbox's set-up failed; without a number, why this pull request's checks failed. | people with write access |
| `/codegen setup-commands [PROMPT]` | Works out the commands that set this repository up in Codegen's sandboxes. | people with write access |
| `/codegen star [RUN]` | Marks a run for the team; its pull request gets the label `codegen:starred`. | people with write access |
| `/codegen unstar [RUN]` | Takes a run's mark away. | people with write access |
| `/codegen starred` | Shows the runs that the team has marked. | people with write access |
| `/codegen whoami` | Shows what you may do here and why, and whose Codegen token the bot uses. | everybody who may read the repository |
| `/codegen users [ID]` | Shows the people of the Codegen organization, or the one with this number. | people with write access |
| `/codegen orgs` | Shows the Codegen organizations that the bot's token sees. | people with write access |
| `/codegen repos` | Shows the repositories that Codegen knows, with the numbers that `--repo-id` takes. | people with write access |
| `/codegen integrations` | Shows what the Codegen organization is connected to. | people with write access |
| `/codegen help [NAME]` | Shows what can be said here and who may say it. | everybody who may read the repository |

More on one of them: `/codegen help run`\
""")
    await world.reacted(comment, "eyes", "rocket")


async def test_help_on_one_command(world: World) -> None:
    await world.says("carol", "/codegen help run")

    assert await world.reply() == snapshot("""\
**run**: Starts an agent on this pull request or issue.

`/codegen run [--model M] [--agent-type codegen|claude_code] [--repo-id N] [--image URL]... PROMPT`

| flag | meaning |
|---|---|
| `--model M`, `-m` | The model to use. |
| `--agent-type TYPE`, `-a` | `codegen` or `claude_code`. |
| `--repo-id N`, `-r` | Codegen's number of the repository to work in; another one takes write access there. |
| `--image URL`, `-i` | An image to look at, up to ten. |

For example:
```text
/codegen run fix the flaky checkout test
```

Who may: people with write access.\
""")


async def test_the_bare_prefix_asks_for_help(world: World) -> None:
    await world.says("carol", "/codegen")

    assert (await world.reply()).startswith("A command starts a line of a comment")


async def test_a_mistyped_name_gets_the_nearest_one(world: World) -> None:
    comment = await world.says("bob", "/codegen rnu fix it")

    assert await world.reply() == snapshot(
        "There is no command `rnu`. Did you mean `run`? For example: `/codegen run fix the flaky checkout test`"
    )
    await world.reacted(comment, "-1")
    assert world.codegen.runs == {}


async def test_a_name_that_is_like_none(world: World) -> None:
    await world.says("bob", "/codegen `@everybody` dance")

    assert await world.reply() == snapshot(
        "There is no command `everybody`. `/codegen help` shows all there are. For example: `/codegen run fix the flaky checkout test`"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("run", "The prompt is missing: say what the agent is to do."),
        ("run --modle fast fix it", "There is no flag `--modle` here. Did you mean `--model`?"),
        ("run --model", "`--model` needs a value."),
        ('run --model "fast fix it', "A quotation mark behind `--model` is not closed."),
        ("run --agent-type robot fix it", "`--agent-type` is `codegen` or `claude_code`."),
        ("run --repo-id shop fix it", "`--repo-id` takes Codegen's number of a repository."),
        ("status now", "`status` takes a run's number and nothing else."),
    ],
)
async def test_a_command_that_does_not_fit_gets_one_clear_sentence(world: World, words: str, sentence: str) -> None:
    await world.says("bob", f"/codegen {words}")

    reply = await world.reply()
    assert reply.startswith(sentence)
    assert "For example: `/codegen " in reply
    assert world.codegen.runs == {}
