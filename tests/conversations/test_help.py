"""`help`, and words that were meant as a command and are none."""

from itertools import chain

import pytest
from inline_snapshot import snapshot

from bot.commands.help import EVERYDAY, GROUPS
from bot.commands.registry import COMMANDS
from tests.harness.world import World, either_entry_point


@either_entry_point
async def test_help_shows_everyday_commands_and_folds_the_rest(world: World) -> None:
    comment = await world.comment("carol", "/codegen help")

    assert await world.reply() == snapshot("""\
A command starts a line of a comment; what follows it is the prompt, up to the next command.

| command | what it does |
| --- | --- |
| `/codegen run PROMPT` | Starts an agent on this pull request or issue. |
| `/codegen resume [RUN] PROMPT` | Gives a run a follow-up; without a number, this thread's latest run. |
| `/codegen status [RUN]` | Shows the state of a run; without a number, of this thread's latest run. |
| `/codegen logs [RUN]` | Shows what a run did: errors, tools, last thoughts, its answer and the end of its log. |
| `/codegen multi-run PROMPT` | Runs several agents on the same prompt, then combines the best of their results. |
| `/codegen cancel [RUN]` | Stops a run of an agent of your own; says how one of Codegen's can be stopped. |

<details><summary>Runs and multi-runs</summary>

| command | what it does |
| --- | --- |
| `/codegen runs` | Shows the latest runs, those of this thread marked. |
| `/codegen keep N\\|synthesis` | Keeps one attempt of the latest multi-run (or its synthesis) and closes the others' pull requests. |
| `/codegen confirm` | Confirms your own large multi-run that waits on this thread; a thumbs-up on its comment does too. |
| `/codegen star [RUN]` | Stars a run for the team; its pull request gets the label `codegen:starred`. |
| `/codegen unstar [RUN]` | Removes a run's star. |
| `/codegen starred` | Shows the runs that the team has starred. |

</details>

<details><summary>Checks and logs</summary>

| command | what it does |
| --- | --- |
| `/codegen analyze-logs [SANDBOX_ID]` | Explains why a sandbox's set-up failed; without a number, why this pull request's checks failed. |
| `/codegen checks` | Shows how Codegen reacts to this repository's checks, and changes it. |
| `/codegen ban-checks [RUN]` | Stops Codegen from reacting to this pull request's checks, and its agents on it. |
| `/codegen unban-checks [RUN]` | Lets Codegen react to this pull request's checks again. |

</details>

<details><summary>Pull requests</summary>

| command | what it does |
| --- | --- |
| `/codegen review [PROMPT]` | Reviews this pull request: comments on lines of its diff, never an approval. |
| `/codegen ready [RUN]` | Marks a run's pull request as ready for review. |
| `/codegen draft [RUN]` | Converts a run's pull request to a draft. |
| `/codegen close [RUN]` | Closes a run's pull request; without a number, that of this thread's latest run. |
| `/codegen reopen [RUN]` | Reopens a run's closed pull request. |
| `/codegen remove [RUN]` | Removes Codegen from this pull request and stops its agents on it. |

</details>

<details><summary>Account and set-up</summary>

| command | what it does |
| --- | --- |
| `/codegen whoami` | Shows what you may do here and why, and whose Codegen token the bot uses. |
| `/codegen users [ID]` | Shows the users of the Codegen organization, or the one with this number. |
| `/codegen orgs` | Shows the Codegen organizations that the bot's token can see. |
| `/codegen repos` | Shows the repositories that Codegen knows, with the numbers that `--repo-id` takes. |
| `/codegen integrations` | Shows the integrations of the Codegen organization. |
| `/codegen setup-commands [PROMPT]` | Works out the commands that set this repository up in Codegen's sandboxes. |
| `/codegen help [NAME]` | Shows the commands that can be used here, and who may use them. |

</details>

Commands are for people with write access. Exceptions: `status`, `cancel`, `whoami`, `help`: everyone with read access.

Flags and an example of a command: `/codegen help run`\
""")
    await world.reacted(comment, "eyes", "rocket")


def test_help_has_every_command_once() -> None:
    grouped = [*EVERYDAY, *chain.from_iterable(GROUPS.values())]
    assert sorted(grouped) == sorted(COMMANDS)


async def test_help_on_one_command(world: World) -> None:
    await world.comment("carol", "/codegen help run")

    assert await world.reply() == snapshot("""\
**run**: Starts an agent on this pull request or issue.

`/codegen run [--model M] [--agent-type codegen|claude_code] [--repo-id N] [--image URL]... PROMPT`

| flag | meaning |
| --- | --- |
| `--model M`, `-m` | The model to use. |
| `--agent-type codegen\\|claude_code`, `-a` | The kind of agent. |
| `--repo-id N`, `-r` | Codegen's number of another repository to work in; needs write access there. |
| `--image URL`, `-i` | An image to look at; up to 10. |

For example:
```text
/codegen run fix the flaky checkout test
```

Who may use it: people with write access.\
""")


@either_entry_point
async def test_bare_prefix_asks_for_help(world: World) -> None:
    await world.comment("carol", "/codegen")

    assert (await world.reply()).startswith("A command starts a line of a comment")


@either_entry_point
async def test_mistyped_name_gets_the_nearest_one(world: World) -> None:
    comment = await world.comment("bob", "/codegen rnu fix it")

    assert await world.reply() == snapshot(
        "There is no command `rnu`. Did you mean `run`? For example: `/codegen run fix the flaky checkout test`"
    )
    await world.reacted(comment, "-1")
    assert world.codegen.runs == {}


@either_entry_point
async def test_name_that_is_like_none(world: World) -> None:
    await world.comment("bob", "/codegen `@everybody` dance")

    assert await world.reply() == snapshot(
        "There is no command `everybody`. `/codegen help` lists all commands. For example: `/codegen run fix the flaky checkout test`"
    )


@either_entry_point
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("run", "The prompt is missing: say what to do."),
        ("run --modle fast fix it", "There is no flag `--modle` here. Did you mean `--model`?"),
        ("run --model", "`--model` needs a value."),
        ('run --model "fast fix it', "A quotation mark behind `--model` is not closed."),
        (
            "run --agent-type ro@bot fix it",
            "`--agent-type` takes an agent's name: letters, digits and single `-` or `_`.",
        ),
        ("run --repo-id shop fix it", "`--repo-id` takes Codegen's number of a repository."),
        ("status now", "`status` takes a run number and nothing else."),
    ],
)
async def test_command_that_does_not_fit_gets_one_clear_sentence(world: World, words: str, sentence: str) -> None:
    await world.comment("bob", f"/codegen {words}")

    reply = await world.reply()
    assert reply.startswith(sentence)
    assert "For example: `/codegen " in reply
    assert world.codegen.runs == {}
