"""``run``: starts an agent run on the thread."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import Flag, Flags, ParseError, Usage, read_id, required_prompt
from bot.execution import prompts, run_texts
from bot.execution.agent_runs import check_repository_id, follow, prompt_context, prompt_text
from bot.execution.agent_types import CODEGEN_TYPES, LONGEST_NAME, NAME_PATTERN
from bot.execution.context import CommandContext
from bot.execution.reply import Reply

ANY_AGENT_TYPE = "|".join(CODEGEN_TYPES)
"""Help shows the names of the agents instead where they are others."""

MOST_IMAGES = 10

REPO_ID = Flag("--repo-id", "-r", "N", "Codegen's number of another repository to work in; needs write access there.")
IMAGE = Flag("--image", "-i", "URL", f"An image to look at; up to {MOST_IMAGES}.", repeatable=True)

_MODEL = re.compile(r"[\w./:@-]{1,100}", re.ASCII)
_IMAGE = re.compile(r"https?://[^\s/][^\s]{0,2000}|data:image/[^\s]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Run:
    """Starts one agent run.

    :param model: a model's name; None: the organization's default
    :param agent_type: an agent's name, not checked yet; None: the organization's default
    :param repo_id: Codegen's id of the repository to work in; None: Codegen finds it from the prompt
    :param images: addresses of images for the agent to look at
    """

    USAGE: ClassVar[Usage] = Usage(
        "run",
        "Starts an agent on this pull request or issue.",
        flags=(
            Flag("--model", "-m", "M", "The model to use."),
            Flag("--agent-type", "-a", ANY_AGENT_TYPE, "The kind of agent."),
            REPO_ID,
            IMAGE,
        ),
        arguments="PROMPT",
        example_arguments="fix the flaky checkout test",
        sets_latest=True,
    )

    prompt: str
    model: str | None = None
    agent_type: str | None = None
    repo_id: int | None = None
    images: tuple[str, ...] = ()

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:
        """:raises ParseError: if a flag's value is invalid or the prompt is missing"""
        return cls(
            prompt=required_prompt(rest),
            model=next(iter(read_models(flags)), None),
            agent_type=next(iter(read_agent_types(flags)), None),
            repo_id=read_repo_id(flags),
            images=read_images(flags),
        )


def read_models(flags: Flags) -> tuple[str, ...]:
    """:raises ParseError: if one of them cannot be a model's name"""
    models = tuple(flags.get("--model", ()))
    if not all(map(_MODEL.fullmatch, models)):
        raise ParseError("`--model` takes a model's name: letters, digits and `. / : @ _ -`.")
    return models


def read_agent_types(flags: Flags) -> tuple[str, ...]:
    """:raises ParseError: if one of them cannot be an agent's name"""
    names = tuple(name.lower().replace("-", "_") for name in flags.get("--agent-type", ()))
    if not all(re.fullmatch(NAME_PATTERN, name) and len(name) <= LONGEST_NAME for name in names):
        raise ParseError("`--agent-type` takes an agent's name: letters, digits and single `-` or `_`.")
    return names


def read_repo_id(flags: Flags) -> int | None:
    """:raises ParseError: if it is not a number"""
    for value in flags.get("--repo-id", ()):
        return read_id(value, problem="`--repo-id` takes Codegen's number of a repository.")
    return None


def read_images(flags: Flags) -> tuple[str, ...]:
    """:raises ParseError: if there are too many, or one is not an image's address"""
    images = tuple(flags.get("--image", ()))
    if len(images) > MOST_IMAGES:
        raise ParseError(f"`--image` may be given {MOST_IMAGES} times at most.")
    if not all(map(_IMAGE.fullmatch, images)):
        raise ParseError("`--image` takes an address that starts with `https://`, or a `data:image/` one.")
    return images


async def run(command: Run, ctx: CommandContext) -> Reply:
    await check_repository_id(command.repo_id, command.USAGE, ctx)
    await ctx.charge(1)
    await ctx.show(run_texts.accepted_run(ctx.invocation.thread, slot_in=ctx.runs.creation_wait()))
    addresses = prompts.image_addresses(command.images)
    context = await prompt_context(ctx)
    prompt = prompt_text(command.prompt, ctx.invocation, context)
    started = await ctx.runs.create(
        prompts.run_prompt(prompt, context, image_addresses=addresses),
        model=command.model or ctx.config.defaults.model,
        agent_type=command.agent_type or ctx.config.defaults.agent_type,
        repo_id=command.repo_id,
        images=[image for image in command.images if image not in addresses],
    )
    return await follow(started, ctx)
