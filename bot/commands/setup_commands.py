"""``setup-commands``: generates a repository's set-up commands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self

from pydantic import TypeAdapter

from bot.commands.checks import codegen_repository
from bot.commands.usage import Flags, ParseError, Usage
from bot.execution.agent_runs import follow
from bot.execution.context import CommandContext
from bot.execution.reply import Reply
from bot.execution.run_texts import answered
from bot.text.markers import Stage
from bot.text.untrusted import inline_code

LONGEST_PROMPT = 20_000


@dataclass(frozen=True, slots=True)
class SetupCommands:
    """:param prompt: what to consider; None: nothing in particular"""

    USAGE: ClassVar[Usage] = Usage(
        "setup-commands",
        "Works out the commands that set this repository up in Codegen's sandboxes.",
        arguments="[PROMPT]",
        example_arguments="use uv instead of pip",
        sets_latest=True,
    )

    prompt: str | None = None

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """:raises ParseError: if the prompt is too long"""
        prompt = rest.strip()
        if len(prompt) > LONGEST_PROMPT:
            raise ParseError(f"`setup-commands` takes a prompt of {LONGEST_PROMPT:,} characters at most.")
        return cls(prompt or None)


_NUMBER = TypeAdapter(int)


async def setup_commands(command: SetupCommands, ctx: CommandContext) -> Reply:
    async def repository_id() -> int:
        return (await codegen_repository(ctx)).id

    repository = ctx.invocation.require_repository()
    await ctx.charge(1)
    accepted = f"Accepted. Asking {ctx.asked} to work out the set-up commands of {inline_code(repository)}…"
    await ctx.show(Reply(Stage.ACCEPTED, accepted))
    number = await ctx.record("codegen-repository", _NUMBER, repository_id)
    started = await ctx.runs.generate_setup_commands(number, prompt=command.prompt)
    done = f"Worked out the set-up commands of {inline_code(repository)}"
    outcome = partial(answered, done=done, hint="To change them", prompt="<what to do differently>")
    return await follow(started, ctx, outcome=outcome)
